import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried, a command, and whether it is dangerous
    "what a build makes":               ('cd /Users/a/code/b && for p in packages/*; do rm -rf "$p/dist" "$p/.tsbuildinfo"; done', False),
    "what an installer makes":          ("cd /home/dev/app && rm -rf node_modules package-lock.json", False),
    "what lies in it":                  ("cd ~/app && rm -rf build/*", False),
    "sources":                          ("cd ~/app && rm -rf src", True),
    "a folder of a person":             ("cd ~/Documents && rm -rf build", True),
    "a home folder itself":             ("cd ~ && rm -rf build", True),
    "a hidden folder":                  ("cd ~/.config/a && rm -rf dist", True),
    "what lies beside a project":       ("cd ~/app && rm -rf ../dist", True),
    "what git keeps":                   ("cd ~/app && rm -rf .git/build", True),
    "a hidden file that was made":      ("touch ~/.todo; sed -i 1d ~/.todo", False),
    "a hidden folder that was made":    ("mkdir -p ~/.todo/a; echo b > ~/.todo/a/b", False),
    "a hidden file that was there":     ("sed -i 1d ~/.todo", True),
    "a hidden file that is emptied":    ("touch ~/.todo; : > ~/.todo", True),
    "settings that are touched":        ("touch ~/.gitconfig; sed -i 1d ~/.gitconfig", True),
    "all that git lists, emptied":       ("git ls-files | xargs truncate -s0", True),
    "all that git lists, edited":        ("git ls-files | xargs sed -i s/a/b/", False),
    "the root's names, by another name": ("cd / && dir | xargs rm -rf", True),
    "a folder that is moved first":     ("mv ~/.config /tmp/x && rm -rf /tmp/x", True),
    "output that is moved first":       ("mv dist /tmp/x && rm -rf /tmp/x", False),
    "weights of a model":               ("wget -q https://download.pytorch.org/a.pth -P models", False),
    "a module that starts with python": ("echo 'import os' > /usr/lib/python3/dist-packages/a.pth", True),
    "documents that are emptied":       ('Clear-Content "$env:USERPROFILE\\Documents\\*.docx"', True),
    "a log that is emptied":            ("Clear-Content .\\logs\\a.log", False),
    "what a daemon keeps, given away":  ("sudo chown -R 1000:1000 /var/lib/docker", True),
    "what a service keeps, given to it": ("sudo chown -R 472:472 /var/lib/grafana", False),
    "what people live on, in a container": ("docker exec prod-app rm -rf /var/www/html/uploads", True),
    "what it makes again":              ("docker exec prod-app rm -rf /app/tmp/cache", False),
    "what a server keeps in a container": ("docker exec cloud rm -rf /var/www/html/data", True),
    "what a server makes again":        ("docker exec php rm -rf /var/www/html/var/cache/data", False),
    "pictures on a phone":              ("adb shell rm -rf /sdcard/DCIM", True),
    "what a test put on a phone":       ("adb shell rm -rf /data/local/tmp/test", False),
    "a job, by another path":           ("docker run --rm -v /etc/cron.d:/c alpine sh -c \"echo '* * * * * root /tmp/a' > /c/a\"", True),
    "a file of one's own, by another path": ("docker run --rm -v $PWD:/c alpine sh -c 'echo a > /c/a'", False),
    "keys that log in, by another path": ("docker run --rm -v /root/.ssh:/k alpine tee -a /k/authorized_keys", True),
    "what lies in another container":   ("docker exec web rm -rf /var/www/html/uploads", False),
    "settings of one site":             ("sudo cp nginx/dev.conf /etc/nginx/conf.d/dev.conf && sudo nginx -t", False),
    "settings of one site, emptied":    (": > /etc/nginx/conf.d/dev.conf", True),
    "settings of one site, fetched":    ("curl -s https://e.example/a | sudo tee /etc/nginx/conf.d/a.conf", True),
    "settings of all sites":            ("sudo cp nginx/dev.conf /etc/nginx/nginx.conf", True),
    "files of a folder, by a loop":     ("python - <<'E'\nimport os\nfor d, _, files in os.walk('src'):\n    for f in files:\n        open(os.path.join(d, f), 'w').write('a')\nE", False),
    "all files, by a loop":             ("python - <<'E'\nimport os\nfor d, _, files in os.walk('.'):\n    for f in files:\n        os.remove(os.path.join(d, f))\nE", True),
    "some files, by a loop":            ("python - <<'E'\nimport os\nfor d, _, files in os.walk('.'):\n    for f in files:\n        if f.endswith('.pyc'):\n            os.remove(os.path.join(d, f))\nE", False),
    "the system's files, by a loop":    ("python - <<'E'\nimport os\nfor d, _, files in os.walk('/etc'):\n    for f in files:\n        os.remove(os.path.join(d, f))\nE", True),
    "files that a loop numbers":        ("python - <<'E'\nimport glob\nfor n, p in enumerate(glob.glob('src/*')):\n    open(p, 'w').write('a')\nE", False),
    "a volume that people live on":     ("docker run --rm -v pgdata_prod:/d alpine sh -c 'rm -rf /d/*'", True),
    "a volume of tests":                ("docker run --rm -v pgdata_test:/d alpine sh -c 'rm -rf /d/*'", False),
    "a person's data, emptied":         ("dd if=/dev/zero of=/home/u/a.sqlite bs=1M count=10", True),
    "a person's log, emptied":          (": > ~/a.log", False),
    "what is printed, then deleted":    ("find ~ -exec cat {} \\; -exec rm {} \\;", True),
    "a folder that is mounted":         ("docker run --rm -v /srv/app:/app -w /app node:20 rm -rf /app/dist", False),
    "a link to a site":                 ("sudo rm -f /etc/nginx/sites-enabled/default", False),
    "all links to sites":               ("sudo rm -f /etc/nginx/sites-enabled/*", True),
    "the site itself":                  ("sudo rm -f /etc/nginx/sites-available/default", True),
    "the root's names, listed":         ("cd / && ls | xargs rm -rf", True),
    "the workspace's names, counted":   ("ls | wc -l", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_writes(command: str, dangerous: bool) -> None:
    """What a build makes again, and what a text makes for itself, is no loss."""
    assert is_dangerous(judge_command(command)) == dangerous
