import pytest

from stopper.detect.commands import is_dangerous, judge_command

# Each does to one thing of one's own what it then does to another that is not; or to two of one's own.
LOOPS = {
    # what is tried                     with something for OTHER
    "over words":                       'for d in build OTHER; do rm -rf "$d"; done',
    "over an array":                    'a=(build OTHER); for d in "${a[@]}"; do rm -rf "$d"; done',
    "over lines that are read":         "while read -r d; do rm -rf \"$d\"; done <<'E'\nbuild\nOTHER\nE",
    "over lines of a pipe":             "printf '%s\\n' build OTHER | while read d; do rm -rf \"$d\"; done",
    "over what a function is given":    'clean() { for p in "$@"; do rm -rf "$p"; done; }; clean build OTHER',
    "an entry by its key":              'declare -A m=([a]=build [b]=OTHER); rm -rf "${m[b]}"',
    "a field of a line":                'IFS=: read -r a b <<< "build:OTHER"; rm -rf "$b"',
    "in Python":                        "python3 -c \"import shutil\nfor p in ['build', 'OTHER']: shutil.rmtree(p)\"",
    "in Python, from a name":           "python3 -c \"import shutil\nl = ['build', 'OTHER']\nfor p in l: shutil.rmtree(p)\"",
    "in Python, by a function":         "python3 -c \"import shutil\ndef f(p): shutil.rmtree(p)\nf('build')\nf('OTHER')\"",
    "in Python, for each":              "python3 -c \"import shutil; list(map(shutil.rmtree, ['build', 'OTHER']))\"",
    "in Python, in a thread":           "python3 -c \"import shutil, threading; threading.Thread(target=shutil.rmtree, args=('OTHER',)).start()\"",
    "in Python, from a table":          "python3 -c \"import shutil\nd = {'a': 'build', 'b': 'OTHER'}\nshutil.rmtree(d['b'])\"",
    "in Python, a command of words":    "python3 -c \"import subprocess\nc = ['rm', '-rf', 'OTHER']\nsubprocess.run(c)\"",
    "in Python, as an argument by name": "python3 -c \"import shutil; shutil.rmtree(path='OTHER')\"",
    "in Python, by a module of programs": "python3 -c \"import sh; sh.rm('-rf', 'OTHER')\"",
    "in JavaScript":                    "node -e \"const l=['build','OTHER'];for(const d of l)require('fs').rmSync(d,{recursive:true})\"",
    "in JavaScript, for each":          "node -e \"['build','OTHER'].forEach(d=>require('fs').rmSync(d,{recursive:true}))\"",
    "in Ruby":                          "ruby -rfileutils -e '%w[build OTHER].each { |d| FileUtils.rm_rf(d) }'",
    "in Perl":                          "perl -e 'for my $d (\"build\",\"OTHER\") { system(\"rm -rf $d\") }'",
    "in Perl, behind the statement":    "perl -e 'system(\"rm -rf $_\") for (\"build\",\"OTHER\");'",
    "in PHP":                           "php -r 'foreach([\"build\",\"OTHER\"] as $d){system(\"rm -rf $d\");}'",
    "in PowerShell elsewhere":          "pwsh -c 'Remove-Item -Recurse -Force OTHER'",
}  # fmt: skip


@pytest.mark.parametrize("command", LOOPS.values(), ids=LOOPS)
def test_all_that_a_loop_goes_through(command: str) -> None:
    """Not the first alone counts."""
    assert not is_dangerous(judge_command(command.replace("OTHER", "dist")))
    assert is_dangerous(judge_command(command.replace("OTHER", "/etc")))
