"""The law of assignments: a name, what may stand between, and a value, all combinations of them."""

import pytest

from stopper.detect.inspection import packaged_detector
from stopper.detect.rules import fill

DETECTOR = packaged_detector(b"a key for tests")

NAMES = (
    "DB_PASSWORD", "SERVICE_TOKEN", "APP_SECRET", "INTERNAL_API_KEY", "WEBHOOK_SECRET",
    "ROLLBAR_ACCESS_TOKEN", "AGORA_APP_SECRET",
)  # fmt: skip

VALUES = {
    "letters and digits": "{alnum:15}7{alnum:15}4",
    "hexadecimal": "{hex:40}",
    "a question mark": "{alnum:9}7?{alnum:8}4",
    "an exclamation mark": "{alnum:9}7!{alnum:8}4",
    "an at sign": "{alnum:9}7@{alnum:8}4",
    "a hash": "{alnum:9}7#{alnum:8}4",
    "a dot": "{alnum:9}7.4{alnum:8}",
    "words and a number": "LynxZebra{digit:3}?",
}

FORMS = {
    # how it is called                 the text
    "an environment file":             "HOST=api\nNAME=VALUE\nX=1\n",
    "with blanks":                     "NAME = VALUE\n",
    "with a comment":                  "NAME=VALUE  # do not share\n",
    "in quotes with a comment":        'NAME = "VALUE"  # do not share\n',
    "a shell's export":                "export NAME='VALUE'\n",
    "fish":                            "set -gx NAME VALUE\n",
    "setx":                            'setx NAME "VALUE"\n',
    "PowerShell":                      '$env:NAME = "VALUE"\n',
    "make, conditional":               "NAME ?= VALUE\n",
    "make, at once":                   "NAME := VALUE\n",
    "make, POSIX":                     "NAME ::= VALUE\n",
    "Ruby, or":                        "ENV['NAME'] ||= 'VALUE'\n",
    "Ruby, a hash":                    "'NAME' => 'VALUE',\n",
    "JavaScript, nullish":             "config.NAME ??= 'VALUE';\n",
    "JavaScript, a fallback":          'const k = process.env.NAME || "VALUE";\n',
    "Python, a default":               "k = os.getenv('NAME', 'VALUE')\n",
    "Python, a type":                  'NAME: Final[str] = "VALUE"\n',
    "Python, an optional type":        'NAME: str = "VALUE"\n',
    "Go, a constant":                  'const NAME string = "VALUE"\n',
    "Go, short":                       'NAME := "VALUE"\n',
    "Rust":                            'const NAME: &str = "VALUE";\n',
    "Rust, static":                    "pub static NAME: &'static str = \"VALUE\";\n",
    "Java":                            'private static final String NAME = "VALUE";\n',
    "TypeScript, a template":          "let NAME: string = `VALUE`;\n",
    "PHP, define":                     "define('NAME', 'VALUE');\n",
    "C":                               '#define NAME "VALUE"\n',
    "JSON":                            '{"NAME": "VALUE", "b": 1}\n',
    "YAML":                            "NAME: VALUE\n",
    "YAML, a block":                   "NAME: |\n  VALUE\n",
    "YAML, folded":                    "NAME: >-\n  VALUE\n",
    "YAML, within a block":            "data:\n  app.env: |\n    TIER=gold\n    NAME=VALUE\n    X=1\n",
    "Kubernetes":                      '- name: NAME\n  value: "VALUE"\n',
    "a property list":                 "<key>NAME</key>\n\t<string>VALUE</string>\n",
    "web.config":                      '<add key="NAME" value="VALUE" />\n',
    "an element":                      "<NAME>VALUE</NAME>\n",
    "Android":                         '<string name="NAME">VALUE</string>\n',
    "an expansion's default":          "x=${NAME:-VALUE}\n",
    "Docker":                          "ENV NAME VALUE\n",
    "a command":                       "gh secret set NAME --body VALUE\n",
    "a table":                         "| NAME | VALUE | prod |\n",
    "a table with ticks":              "| `NAME` | `VALUE` |\n",
    "a list item":                     "- **NAME**: `VALUE`\n",
    "a sentence":                      "the NAME for the staging box is VALUE - user is deploy\n",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_is_found_in_every_form(form: str, value: str) -> None:
    """Under each name; a finding touches the value."""
    missed = []
    for name in NAMES:
        secret = fill(value, f"{form}{name}")
        text = form.replace("NAME", name).replace("VALUE", secret)
        start = text.index(secret)
        found = DETECTOR.scan(text)
        if not any(one.start < start + len(secret) and one.end > start for one in found):
            missed.append(name)
    assert not missed
