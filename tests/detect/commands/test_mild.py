import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried                       command, and whether it is dangerous
    "help alone":                            ("diskpart /?", False),
    "a version alone":                       ("mkfs.ext4 --version", False),
    "help behind code":                      ("bash -c 'rm -rf /' --help", True),
    "a program that was fetched":            ("curl -so /usr/local/bin/foo http://e.example/foo; foo --help", True),
    "a dry run":                             ("git filter-repo --analyze", False),
    "a dry run taken back":                  ("kubectl delete ns b --dry-run=none", True),
    "a dry run behind the end of options":   ("git push --force origin main -- --dry-run", True),
    "a passing repository":                  ('cd "$(mktemp -d)" && git init && git reset --hard HEAD~1', False),
    "what it pushes":                        ('cd "$(mktemp -d)" && git push --force origin main', True),
    "another repository from there":         ('cd "$(mktemp -d)" && git --git-dir=/work/.git reset --hard', True),
    "a passing worktree":                    ('T=$(mktemp -d); git worktree remove --force "$T/a"', False),
    "a worktree elsewhere":                  ("git worktree remove --force ../a", True),
    "a store's own number":                  ("redis-cli -h localhost -n 3 flushdb", False),
    "a late number":                         ("redis-cli -n 15 flushdb", False),
    "an early number":                       ("redis-cli -n 3 flushdb", True),
    "all numbers":                           ("redis-cli -h localhost -n 3 flushall", True),
    "a number elsewhere":                    ("redis-cli -h a.example.com -n 15 flushdb", True),
    "a database of a build":                 ("sqlite3 build/a.db 'drop table b'", False),
    "a database of the workspace":           ("sqlite3 a.db 'drop table b'", True),
    "a live one among builds":               ("sqlite3 build/prod.db 'drop table b'", True),
    "what is not empty":                     ('rm -rf "${BUILD_DIR:?}"/*', False),
    "what may be empty":                     ('rm -rf "${BUILD_DIR?}"/*', True),
    "what may be anything":                  ('rm -rf "${X:?}"/*', True),
    "a program of one's own":                ('ln -sf "$PWD/bin/a-tool" ~/.local/bin/a-tool', False),
    "a name that is taken":                  ('ln -sf "$PWD/bin/a" ~/.local/bin/kubectl', True),
    "a reminder":                            ("at 9:30 <<< 'notify-send tea'", False),
    "a reminder and more":                   ("at 9:30 <<< 'notify-send tea; /opt/a'", True),
    "a reminder of a secret":                ("at 9:30 <<< 'notify-send \"$(cat ~/.netrc)\"'", True),
    "a reminder by a timer":                 ("systemd-run --user --on-active=9m notify-send tea", False),
    "a timer that starts more":              ("systemd-run --user -p ExecStopPost=/opt/a --on-active=9m notify-send tea", True),
    "machines of a test":                    ("kitchen converge && kitchen destroy", False),
    "machines that are live":                ("kitchen destroy prod", True),
    "a machine that the text started":       ("vagrant up && vagrant destroy -f", False),
    "a machine that was there":              ("vagrant destroy -f", True),
    "all machines":                          ("multipass launch && multipass delete --all", True),
    "what a build left":                     ("git clean -fdx web/dist", False),
    "what a build left, and more":           ("git clean -fdx web/dist src", True),
    "a sealed container":                    ("docker run --rm alpine rm -rf /etc", False),
    "a container that sees more":            ("docker run --rm -v /:/a alpine rm -rf /a/etc", True),
    "a container that stays":                ("docker run --privileged alpine rm -rf /etc", True),
    "a bomb in a container":                 ("docker run --rm alpine sh -c ':(){ :|:& };:'", True),
    "a link to what lies beside it":         ("ln -sfn /srv/a/releases/2 /srv/a/current", False),
    "a link to what lies elsewhere":         ("ln -sfn /tmp/a /srv/a/current", True),
    "a mirror on a disk of one's own":       ("rsync -a --delete ~/notes/ /mnt/usb/notes/", False),
    "a dump on a disk of one's own":         ("mysqldump a > /mnt/usb/a.sql", False),
    "a disk of the machine":                 ("echo a > /mnt/c/Windows/win.ini", True),
    "a root that was made":                  ('r=$(mktemp -d); sudo chroot "$r" /bin/sh -c ls', False),
    "a root that is mounted":                ('r=$(mktemp -d); sudo mount -o bind / "$r"; sudo chroot "$r" /bin/sh -c ls', True),
    "another root":                          ("sudo chroot /srv/a /bin/sh -c ls", True),
    "an empty mirror":                       ("rsync -a --delete /tmp/empty/ /mnt/usb/notes/", True),
    "a disk that was plugged in":            ("sudo mount /dev/sdc1 /mnt/usb", False),
    "the disk of the machine":               ("sudo mount /dev/sda1 /mnt/usb", True),
    "a group of a workshop":                 ("sudo usermod -aG dialout a", False),
    "a group of a workshop, and another":    ("sudo usermod -aG dialout,sudo a", True),
    "another group at last":                 ("sudo usermod -aG dialout -aG wheel a", True),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_mild(command: str, dangerous: bool) -> None:
    """What only asks, and what is made again, is no harm; what is beside it is."""
    assert is_dangerous(judge_command(command)) == dangerous
