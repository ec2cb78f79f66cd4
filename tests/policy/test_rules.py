"""Commands, code, SQL and files, each judged as it would take effect."""

from typing import Any

import pytest

from stopper.core.verdict import Verdict
from stopper.policy.decision import strictest
from stopper.policy.rules import code_in, of_commands, of_paths

WORKSPACE = "/workspace"
ALLOW, ESCALATE, BLOCK = Verdict.ALLOW, Verdict.ESCALATE, Verdict.BLOCK
DELETE = "import shutil; shutil.rmtree('/')"

COMMANDS: dict[str, tuple[dict[str, Any], Verdict, str]] = {
    "an install":                    ({"command": "npm install"},                            ALLOW, ""),
    "text about a deletion":         ({"command": "echo 'do not run rm -rf /'"},             ALLOW, ""),
    "a deletion in the workspace":   ({"command": "rm -rf /workspace/build"},                ALLOW, ""),
    "deleting everything":           ({"command": "rm -fr /"},                               BLOCK, "command.deletes_tree"),
    "as a list of words":            ({"command": ["rm", "-r", "-f", "/"]},                  BLOCK, "command.deletes_tree"),
    "as a list of commands":         ({"commands": ["ls", "rm -rf /"]},                      BLOCK, "command.deletes_tree"),
    "with its arguments apart":      ({"command": "rm", "args": ["-rf", "/"]},               BLOCK, "command.deletes_tree"),
    "with them as a text":           ({"command": "rm", "args": "-rf /"},                    BLOCK, "command.deletes_tree"),
    "as lists of words":             ({"commands": [["ls"], ["rm", "-rf", "/"]]},            BLOCK, "command.deletes_tree"),
    "a list inside of a list":       ({"command": ["ls", ["rm", "-rf", "/"]]},               BLOCK, "command.deletes_tree"),
    "as one text in a list":         ({"command": ["rm -rf /"]},                             BLOCK, "command.deletes_tree"),
    "with an operator among them":   ({"command": ["ls", "&&", "rm", "-rf", "/"]},           BLOCK, "command.deletes_tree"),
    "as the lines of a script":      ({"command": ["cd /", "rm -rf ./*"]},                   BLOCK, "command.deletes_tree"),
    "a program with arguments":      ({"program": "rm", "args": ["-rf", "/"]},               BLOCK, "command.deletes_tree"),
    "a binary with words":           ({"bin": "rm", "argv": ["-rf", "/"]},                   BLOCK, "command.deletes_tree"),
    "an executable with words":      ({"executable": "rm", "argv": ["-rf", "/"]},            BLOCK, "command.deletes_tree"),
    "a command with words":          ({"command": "rm", "argv": ["-rf", "/"]},               BLOCK, "command.deletes_tree"),
    "words of nobody knows what":    ({"file": "rm", "argv": ["-rf", "/"]},                  BLOCK, "policy.malformed"),
    "arguments that are a command":  ({"command": "ls", "then": {"args": ["rm", "-rf", "/"]}}, BLOCK, "command.deletes_tree"),
    "a sentence among words":        ({"command": ["git", "commit", "-m", "it's done"]},     ALLOW, ""),
    "a program that is Python":      ({"program": DELETE},                                   BLOCK, "command.deletes_tree"),
    "with numbers among them":       ({"command": ["kill", -9, -1]},                         ESCALATE, "command.kills_everything"),
    "as a step":                     ({"steps": [{"name": "x", "run": "rm -rf /"}]},         BLOCK, "command.deletes_tree"),
    "in another folder":             ({"command": "rm -rf .", "cwd": "/"},                   BLOCK, "command.deletes_tree"),
    "through a variable":            ({"command": "$X", "env": {"X": "rm -rf /"}},           BLOCK, "command.deletes_tree"),
    "through a variable in a list":  ({"command": "$X", "env": ["X=rm -rf /"]},              BLOCK, "command.deletes_tree"),
    "a runtime with a version":      ({"command": "npm test", "runtime": "node-20.1"},       ALLOW, ""),
    "a language that people speak":  ({"command": "npm test", "lang": "en"},                 ALLOW, ""),
    "Python of a version":           ({"code": DELETE, "language": "python 3.11"},           BLOCK, "command.deletes_tree"),
    "by what it reads":              ({"command": "bash", "stdin": "rm -rf /"},              BLOCK, "command.deletes_tree"),
    "under a longer name":           ({"command": "ls", "postCommand": "rm -rf /"},          BLOCK, "command.deletes_tree"),
    "deep inside":                   ({"steps": [{"run": {"command": "rm -rf ~"}}]},         BLOCK, "command.deletes_tree"),
    "a library that is loaded":      ({"command": "ls", "env": {"LD_PRELOAD": "./x.so"}}, ESCALATE, "command.loads_code"),
    "a forced push":                 ({"command": "git push --force"},                       ESCALATE, "command.git_forces_push"),
    "SQL for a command":             ({"command": "DROP TABLE users"},                       ESCALATE, "command.sql_drops"),
    "SQL behind a comment":          ({"command": "-- tidy\ndrop table users"},              ESCALATE, "command.sql_drops"),
    "SQL":                           ({"query": "select 1; drop table x"},                   ESCALATE, "command.sql_drops"),
    "SQL that reads":                ({"sql": "select * from updates"},                      ALLOW, ""),
    "words that are no SQL":         ({"query": "how to drop table manners"},                ALLOW, ""),
    "Python":                        ({"code": "print(1)"},                                  ALLOW, ""),
    "Python that deletes":           ({"code": DELETE},                                      BLOCK, "command.deletes_tree"),
    "Python that is warned about":   ({"code": "import shutil; shutil.rmtree('/'); '\\d'"},  BLOCK, "command.deletes_tree"),
    "Python named as such":          ({"code": DELETE, "language": "Python3"},               BLOCK, "command.deletes_tree"),
    "Python for a command":          ({"command": DELETE, "language": "python"},             BLOCK, "command.deletes_tree"),
    "Python in a script":            ({"script": DELETE},                                    BLOCK, "command.deletes_tree"),
    "a shell's script":              ({"script": "npm test && rm -rf /"},                    BLOCK, "command.deletes_tree"),
    "a word of both languages":      ({"code": "reboot"},                                    ESCALATE, "command.stops_machine"),
    "JavaScript that deletes":       ({"code": "require('fs').rmSync('/',{recursive:true})", "language": "js"}, BLOCK, "command.deletes_tree"),
    "a language that nobody judges": ({"code": "STOP RUN.", "language": "cobol"},            ESCALATE, "command.unknown_code"),
    "a long command":                ({"command": f"echo {'x' * 2000}; rm -rf /"},           BLOCK, "command.deletes_tree"),
}  # fmt: skip
PATHS: dict[str, tuple[dict[str, Any], Verdict, str]] = {
    "a folder of the workspace":    ({"path": "build"},                      ALLOW, ""),
    "a name with spaces":           ({"path": "my notes; rm -rf /"},         ALLOW, ""),
    "a name like an option":        ({"path": "--no-preserve-root"},         ALLOW, ""),
    "everything":                   ({"path": "/"},                          BLOCK, "command.deletes_tree"),
    "the system, behind others":    ({"paths": ["build", "/etc"]},           BLOCK, "command.deletes_tree"),
    "a home folder":                ({"path": "~"},                          BLOCK, "command.deletes_tree"),
    "a home folder by its name":    ({"targets": ["/home/bob/notes"]},       BLOCK, "command.deletes_tree"),
    "up and out of it":             ({"path": "build/../../../etc"},         BLOCK, "command.deletes_tree"),
    "seen from another folder":     ({"path": "etc", "cwd": "/"},           BLOCK, "command.deletes_tree"),
    "the whole workspace":          ({"path": "."},                          ESCALATE, "command.deletes_tree"),
    "the whole workspace, by star": ({"pattern": "*"},                       ESCALATE, "command.deletes_tree"),
}  # fmt: skip


@pytest.mark.parametrize(("context", "verdict", "code"), COMMANDS.values(), ids=COMMANDS)
def test_a_command(context: dict[str, Any], verdict: Verdict, code: str) -> None:
    said = strictest(one for one in of_commands(context, WORKSPACE) if one)
    assert (said.verdict, said.code) == (verdict, code)


@pytest.mark.parametrize(("context", "verdict", "code"), PATHS.values(), ids=PATHS)
def test_a_deletion(context: dict[str, Any], verdict: Verdict, code: str) -> None:
    said = strictest(one for one in of_paths(context, WORKSPACE) if one)
    assert (said.verdict, said.code) == (verdict, code)


def test_a_harmless_command_was_looked_at_all_the_same() -> None:
    assert list(of_commands({"command": "ls"}, WORKSPACE)) == [None]
    assert list(of_commands({"note": "ls"}, WORKSPACE)) == []
    assert list(of_commands({"args": ["ls"]}, WORKSPACE)) == []


def test_all_that_runs_is_told() -> None:
    found = code_in({"command": "a", "args": ["b c"], "then": {"code": "d"}})
    assert list(found) == ["a 'b c'", "d"]
