//! The usage help: what `vdeq --help` prints.

/// The text, for standard output.
pub(crate) const TEXT: &str = "\
vdeq: start a QEMU/KVM virtual machine on a VDE network

usage:
  vdeq [OPTIONS] QEMU [--mod MODE] QEMU_OPTIONS -net vde[,vlan=N][,sock=SWITCH][,port=N]
  vdeq [OPTIONS] QEMU [--mod MODE] [-sock SWITCH[,SWITCH...]] QEMU_OPTIONS
  vde{QEMU} ...        a link to vdeq: vdeqemu, vdekvm, vdeqemu-system-x86_64
  vdeoq, vdeo{QEMU}    the same for a QEMU older than 0.8 (-tun-fd), one NIC a switch
  vdeq --switch[=DIR] [OPTIONS]
                       a switch alone, until SIGTERM, SIGINT or SIGHUP

QEMU is the command that starts the virtual machine. `qemu` and `kvm` also mean the
qemu-system-* of this machine where there is no program of that name.

in the QEMU options:
  -net vde,...         a VDE network; also -netdev vde,id=ID,... and -nic vde,...
    vlan=N             QEMU's own \"vlan\" N (not 802.1Q); 0 if not given
    sock=SWITCH        directory of the switch; the default switch if not given:
                       ~/.vdeplug/default, ~/.vde2/default.switch, ~/.vde2/stdsock,
                       /var/run/vde.ctl, /tmp/vde.ctl, whichever exists first
    port=N             port of the switch; the first free one if not given
    group=G, mode=M    group and octal permissions of our socket; ,, is a literal comma
  -sock SWITCH,...     old syntax: one NIC joined to every named switch
  --mod MODE           octal permissions of our socket while it is being plugged in, and of
                       the sockets of --switch

options, before the QEMU command (or first, after it):
  --exec               become QEMU instead of staying beside it
  --timeout SECONDS    longest wait for a switch to answer; 5 if not given
  --wait[=SECONDS]     wait for a switch that is not there yet
  --reconnect on|off|SECONDS
                       whether, or how long, to try to plug in again
  --control PATH       answer questions and orders on this socket
  --events FD|PATH     tell what happens, as lines of JSON
  --ready-fd FD        say on this descriptor that the VM has its network
  --relay WHAT         have frames pass through vdeq, which can capture, count and impair
                       them: pcap=FILE, stats, loss=1%, delay=10ms, jitter=2ms, dup=1%,
                       reorder=1%, corrupt=1%, rate=10M, to=vm|switch, seed=N, net=N
  --link-state         tell the guest when its network goes and comes
  --switch[=DIR]       serve a switch in DIR, as long as the virtual machine runs, for it and for
                       anybody else; in ~/.vde2/default.switch, where others look for it too,
                       if not given. It is the default switch of this command
    --ports N          its number of ports; 32 if not given, at most 1024
    --hub              it is a hub: every frame goes to every port
    --group NAME|GID   the group of its sockets (with --mod 0660, say; 0600 if not given)
    --mgmt PATH        its management console, as that of vde_switch; also -M PATH in front of QEMU
  --qemu-version X.Y   the version of QEMU, instead of asking it
  --dry-run            print the command that would run, and do not run it
  --explain[=json]     print what becomes of every argument, and why
  --modernize          also replace options that this QEMU has lost
  --fd-placeholder     QEMU is any program: '{vde:SWITCH,port=N}' in its arguments
                       becomes the number of a connected datagram socket (in the eth0=vde,...
                       of a User-mode Linux kernel, also without this option)
  -v, --verbose        say what is done
  -h, -help, --help    print this help
  --version            print the version

Without any network in the QEMU options the virtual machine gets one NIC on the
default switch. The exit status is the virtual machine's; 125 if vdeq failed,
126 if QEMU cannot be executed, 127 if it was not found.
";
