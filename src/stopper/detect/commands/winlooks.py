"""Whether a text is for PowerShell or cmd, by how it looks."""

from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["looks_windows"]

_MAX_HEAD: Final = 2048
"""How much of a text tells what shell it is for."""
_VERBS: Final = (
    "Add|Approve|Assert|Backup|Block|Checkpoint|Clear|Close|Compare|Complete|Compress|Confirm|Connect|Convert\\w*|Copy"
    "|Debug|Deny|Disable|Disconnect|Dismount|Edit|Enable|Enter|Exit|Expand|Export|Find|ForEach|Format|Get|Grant|Group"
    "|Hide|Import|Initialize|Install|Invoke|Join|Limit|Lock|Measure|Merge|Mount|Move|New|Open|Optimize|Out|Ping|Pop|Publish"
    "|Push|Read|Receive|Register|Remove|Rename|Repair|Request|Reset|Resize|Resolve|Restart|Restore|Resume|Revoke|Save"
    "|Search|Select|Send|Set|Show|Skip|Sort|Split|Start|Step|Stop|Submit|Suspend|Switch|Sync|Tee|Test|Trace|Unblock"
    "|Undo|Uninstall|Unlock|Unprotect|Unpublish|Unregister|Update|Use|Wait|Watch|Where|Write"
)
_LOOKS: Final = lazy(
    rf"(?:&\s|\[\w[\w.]{{0,60}}\]::|(?i:move|copy|ren|del|rd|md)\s[^\n]{{0,200}}\w\\(?:[\w*]"
    rf"|\s|$)|(?:{_VERBS})-[A-Z]\w+(?![\w/.-])"
    r"|(?i:iex|iwr|irm|ri|del|erase|rd|rmdir)\s+(?:/[a-z]|[\"']?[a-z]:\\|-recurse|\(|\$)"
    r"|(?i:iwr|irm|curl|wget)\s[^|]*\|\s*(?i:iex|invoke-expression)\b"
    r"|(?i:copy|move|xcopy|robocopy|attrib|type|echo|start|dir|more|cd|pushd"
    r"|7z|rar|tar|cacls)[.\s][^\n]*(?:%\w+%\\|\b[a-zA-Z]:\\|\\\\\?)"
    r"|\(?(?i:new-object)\s|(?i:start)\s+(?:/\w+\s+)*(?:\"\"\s+)?(?i:cmd|powershell|pwsh|mshta)\b|\(?echo\s+:\w+\s?&|(?i:while)\s*\(\s*(?:\$t"
    r"rue|1)\s*\)\s*\{|(?i:for)\s*\(\s*;[^;]{0,20};\s*\)\s*\{\s*[A-Z]"
    r"|(?i:if|foreach|while)\s*\(\s*(?:Test-Path\b|-not\b|!|\$\w+\s|\()"
    r"|(?i:forfiles)\s+/|(?i:if\s+(?:/i\s+)?(?:not\s+)?(?:exist|defined|errorlevel"
    r"|\"?%)|for\s+(?:/[a-z]|%)|@echo|@?rem)(?:\s|\w)"
    r"|['\"]{2}\s*\|\s*(?i:out-file|set-content)\b|\$env:\w+\s*="
    r"|(?i:format)(?:\.com)?\s+[a-zA-Z]:|(?i:cmd(?:\.exe)?\s*/|(?:powershell|pwsh)(?:\.exe)?\s)"
    r"|\$\w+\s*\+?=\s*(?:New-Object|Get-|\[|\(|@[({]|['\"][^'\"\n]*['\"]\s*(?:[;+]|-f\s)"
    r"|\$|[A-Z][a-z]+-[A-Z])"
    r"|\$\w+\.\w+|\$\w+\s\|\s(?:%|\w+-)|[&.]\s*\(?\s*[(\"'$@][^\n]{0,99}\("
    r"|\(?\[(?i:system|io|net|convert|ref|reflection|scriptblock|wmi|adsi"
    r"|text|microsoft|environment|diagnostics|security|activator|appdomain"
    r"|console|math|datetime|xml|runtime|windows|management|void|string|char"
    r"|int|byte)[\w.]*(?:\[\])?(?:\]|,)"
    r"|\(\s*(?i:get|new|invoke|select|resolve|join|iwr|irm|gci|gc|gwmi)(?:-[A-Z]\w+|\s)"
    r"|\d+\s?\.\.\s?\d+\s*\||(?i:gci|gc|gps|gsv|gwmi|gcim|gp|sp|ni|saps|spps"
    r"|icm|sal|sasv|spsv|select-string)\s[^\n]*(?:\||[a-zA-Z]:\\|-[A-Z][a-z]"
    r"|HK(?:LM|CU))"
    r"|(?i:sal|nal)\s\w|(?i:%comspec%|%systemroot%|%windir%)|(?i:set\s+\"?\w+=[^&\n]*&)|(?i:c\^?m\^?d)(?:\.exe)?"
    r"\s*/|(?=\w*\^\w)[\w^]+(?:\.exe)?\s"
    r"|\"?[a-zA-Z]:\\|[\w:\\.-]{1,99}\.exe\s|:\w+[ \t]*\n|(?i:gc|gci|cat"
    r"|ls|cp|ri|rm)\s[^\n]*(?:\$(?i:home)|~|\.\.?)\\|(?i:icm|set|find|net|at|rem"
    r"|ren|rename|assoc|mklink|subst)\s[^\n]*(?:\\\\\w|[a-zA-Z]:\\|%\w+%)"
    r"|(?i:robocopy|xcopy|tasklist|taskkill|findstr|setx|where\.exe|systeminfo"
    r"|wusa|ftp\s+(?:-\w\s+)*-s:|vssadmin|bcdedit|diskpart|schtasks|reg(?:\.exe)?\s+(?:add"
    r"|delete"
    r"|save|query|export|import|load|copy)|psexec\w*|wmic|certutil|icacls"
    r"|takeown"
    r"|rundll32|regsvr32|mshta|msiexec|wevtutil|netsh|runas\s+/|sc(?:\.exe)?\s+(?:\\\\\S+\s+)?("
    r"?:create|config|delete|stop|sdset|failure)"
    r"|net1?(?:\.exe)?\s+(?:user|localgroup|group|stop|share|use))\b"
    r"|(?i:for)\s*\(\$\w+\s*=|[^'\"`<\n]{0,300}(?:;\s*(?i:if|foreach|while|for|switch)\s*\(\s*(?:-not\b"
    r"|!|\$)[^)\n]{0,200}\)\s*\{|[;&]\s*(?i:if)\s+(?:not\s+)?(?i:exist|errorlevel)\s"
    r"|\|\s*(?i:select\s+-[a-z]|where\s*\{)))"
)
_STARTS_ITSELF: Final = lazy(
    r"[^\n]*(?:%0[ \t]{0,9}\^?\||\bstart[ \t]{1,9}(?:\"\"[ \t]{1,9})?%0\b)"
)
_SIGNS: Final = ("\\", "%", "$", "HK", ".exe", "cmd", "nul", "::")
"""Without one of these, or what the next two are, nothing that follows is inside of a text."""
_BEHIND: Final = lazy(r"[;&|{(=]\s{0,9}[A-Z]")
_INVOKED: Final = "iex"
_INSIDE: Final = lazy(
    rf"[;&|{{(=]\s{{0,9}}(?:{_VERBS})-[A-Z][a-z]\w+(?![\w/.-])|[\s\"'=][a-zA-Z]:\\\w"
    rf"|[%]\w{{3,40}}%\\|\$env:[A-Za-z]|\bHK(?:LM|CU|CR)[:\\]"
    r"|(?:^|[\s\"'=])\\\\[\w.-]+\\\w|[;&|]\s{0,9}[\w\\:.-]{1,99}\.exe(?=\s"
    r"|$)|\|\s{0,9}cmd(?:\.exe)?\s*$|\|\s{0,9}(?i:iex)\b|%ERRORLEVEL%|%\w{1,40}:~-?\d|\$LASTEXITCODE|\$(?i:home)\\\w|>\s?nul\b|::(?:Load|Delete"
    r"|DownloadString|FromBase64String"
    r"|Create|Start|ReadAll\w+|WriteAll\w+)\("
)


def looks_windows(text: str) -> bool:
    """Whether a text is evidently PowerShell or cmd."""
    head = text[:_MAX_HEAD].lstrip()
    if _LOOKS.match(head) is not None:
        return True
    if "%0" in head and _STARTS_ITSELF.match(head) is not None:
        return True
    return _has_sign(head) and _INSIDE.search(head) is not None


def _has_sign(head: str) -> bool:
    return (
        any(sign in head for sign in _SIGNS)
        or _BEHIND.search(head) is not None
        or _INVOKED in head.lower()
    )
