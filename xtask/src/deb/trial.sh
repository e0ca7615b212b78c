# The life of the package, in a small Debian with vde2.deb, vdeq.deb, and what vde2 holds in /theirs.
# Every line has to succeed, so each says one thing: `sh -e` minds only the last of several.

PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive
export PATH HOME LC_ALL DEBIAN_FRONTEND

say() { echo "deb: $*"; }
# What they depend on is here, or not needed; dpkg knows of none of it.
install() { dpkg --force-depends --install "$@" > /log 2>&1 || { cat /log; return 1; }; }
purge() { dpkg --purge "$@" > /log 2>&1 || { cat /log; return 1; }; }
same() { test "$(sha256sum < "$1")" = "$(sha256sum < "$2")"; }
is_theirs() { same "$1" "/theirs/usr/bin/vdeq"; }
absent() { if test -e "$1"; then return 1; fi; }
is_ours() { "$1" --version | grep -q '^vdeq [0-9]'; }
# Every file but dpkg's own records.
files() {
    find / -xdev \( -path /proc -o -path /tmp -o -path /theirs \) -prune -o ! -path '/log' \
        ! -path '/list.*' ! -path '/var/lib/dpkg/*-old' ! -path '/var/log/*' ! -path '/var/lib/dpkg/diversions' -print | sort
}
unchanged() { files > "/list.now"; diff_lists "$1" /list.now; }
diff_lists() { same "$1" "$2" || { grep -vxFf "$1" "$2" || true; return 1; }; }

install /vde2.deb
is_theirs /usr/bin/vdeq
files > /list.vde2

say "installed beside vde2, whose program and page are put aside"
install /vdeq.deb
is_ours vdeq
is_ours vdekvm
is_ours vdeqemu
is_theirs /usr/bin/vdeq.vde2
test -s /usr/share/man/man1/vdeq.vde2.1.gz
test -s /usr/share/man/man1/vdeq.1.gz

say "used: a program on a switch of its own, and a link"
vdeq --switch=/tmp/lab --fd-placeholder sh -c 'test -S "/proc/self/fd/$1"' - '{vde:/tmp/lab}'
test "$(vdekvm --dry-run --qemu-version 7.2 -net nic -net vde,sock=/tmp/lab 2> /dev/null)" = \
    "kvm -net nic -net socket,fd=100"

vdeq --doctor > /doctor.txt || test "$?" = 1
grep -q 'is this vdeq' /doctor.txt
rm /doctor.txt
for name in vdeq vdekvm vdeqemu; do test -s "/usr/share/bash-completion/completions/$name"; done
for name in vdekvm vdeqemu; do test -s "/usr/share/man/man1/$name.1.gz"; done

say "upgraded, and vde2, too: nothing changes"
install /vdeq.deb
install /vde2.deb
is_ours vdeq
is_theirs /usr/bin/vdeq.vde2

say "purged: vde2 has its names back, and nothing is left"
purge vdeq
is_theirs /usr/bin/vdeq
unchanged /list.vde2
test -z "$(dpkg-divert --list '*vdeq*')"

say "the other way around: vde2 comes when vdeq is there, and goes before it"
purge vde2
install /vdeq.deb
is_ours vdeq
install /vde2.deb
is_ours vdeq
is_theirs /usr/bin/vdeq.vde2
purge vde2
is_ours vdeq
absent /usr/bin/vdeq.vde2
purge vdeq
absent /usr/bin/vdeq
test -z "$(dpkg-divert --list '*vdeq*')"
say "done"
