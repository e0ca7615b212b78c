//! `--mod` and `-sock`, the old syntax.

use super::{Row, case, ends, row, vm, vm_and};

/// What the C vdeq says when one NIC is joined to several switches.
const ONE_NIC: &str = "all the vde connections will be connected to one net interface";

pub const ROWS: &[Row] = &[
    row(
        "`-sock LIST` stands directly after the program name",
        "mended",
        &[
            case(
                "vdeq qemu -m 1 -sock A",
                vm("qemu -net tap,vlan=0,fd=# -net nic -m 1 -sock A", "D1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "A1"),
            ),
            case(
                "vdeqemu --mod 600 -sock A",
                vm("qemu -net tap,vlan=0,fd=# -net nic -sock A", "D1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
    row(
        "`--mod MODE` stands directly after the program name or the list of `-sock`",
        "mended",
        &[
            case(
                "vdeq qemu --mod 600 -m 1",
                vm("qemu -net tap,vlan=0,fd=# -net nic -m 1", "D1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeq qemu -sock A --mod 600 -m 1",
                vm("qemu -net tap,vlan=0,fd=# -net nic -m 1", "A1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "A1"),
            ),
            case(
                "vdeq qemu -m 1 --mod 600 -net vde",
                vm("qemu -m 1 --mod 600 -net tap,vlan=0,fd=#", "D1"),
                vm("qemu -m 1 -net tap,fd=# -net nic", "D1"),
            ),
        ],
    ),
    row(
        "`-sock`, `-vdesock`, `-unix` with one dash; `--mod` with two",
        "new",
        &[
            case(
                "vdeq qemu -vdesock A -m 1",
                vm("qemu -net tap,vlan=0,fd=# -net nic -m 1", "A1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "A1"),
            ),
            case(
                "vdeqemu -unix A",
                vm("qemu -net tap,vlan=0,fd=# -net nic", "A1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
            case(
                "vdeq qemu --sock A",
                vm("qemu -net tap,vlan=0,fd=# -net nic --sock A", "D1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
            case(
                "vdeq qemu -mod 600",
                vm("qemu -net tap,vlan=0,fd=# -net nic -mod 600", "D1"),
                vm("qemu -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeq qemu --mod=600 --sock=A",
                vm("qemu -net tap,vlan=0,fd=# -net nic --mod=600 --sock=A", "D1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
    row(
        "`-sock=A`, with one dash",
        "same",
        &[case(
            "vdeq qemu -sock=A",
            vm("qemu -net tap,vlan=0,fd=# -net nic -sock=A", "D1"),
            vm("qemu -net nic -net tap,fd=# -sock=A", "D1"),
        )],
    ),
    row(
        "`-name -sock` is left alone",
        "same",
        &[case(
            "vdeq qemu -name -sock -m 1",
            vm("qemu -net tap,vlan=0,fd=# -net nic -name -sock -m 1", "D1"),
            vm("qemu -name -sock -m 1 -net nic -net tap,fd=#", "D1"),
        )],
    ),
    row(
        "the word after `-sock` is its list, whatever it is",
        "same",
        &[case(
            "vdeq qemu -sock -m 1",
            vm("qemu -net tap,vlan=0,fd=# -net nic 1", ""),
            ends(125, "", "there is no switch at -m"),
        )],
    ),
    row(
        "V23: a mode that is no octal number is the default",
        "mended",
        &[
            case(
                "vdeq qemu --mod zz",
                vm("qemu -net tap,vlan=0,fd=# -net nic", "D1"),
                ends(125, "", "`zz` is not a file mode"),
            ),
            case(
                "vdeq qemu --mod 1777",
                vm("qemu -net tap,vlan=0,fd=# -net nic", "D1"),
                ends(125, "", "`1777` is not a file mode"),
            ),
        ],
    ),
    row(
        "an empty mode is the default",
        "same",
        &[case(
            "vdeq qemu --mod '' -m 1",
            vm("qemu -net tap,vlan=0,fd=# -net nic -m 1", "D1"),
            vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
        )],
    ),
    row(
        "mode 0 makes a socket that the switch cannot use",
        "mended",
        &[case(
            "vdeq qemu -sock A --mod 0",
            vm("qemu -net tap,vlan=0,fd=# -net nic", "root: A1"),
            vm("qemu -net nic -net tap,fd=#", "A1"),
        )],
    ),
    row(
        "a second `--mod` is left for QEMU to refuse",
        "mended",
        &[case(
            "vdeq qemu -sock A --mod 600 --mod 660",
            vm("qemu -net tap,vlan=0,fd=# -net nic --mod 660", "A1"),
            vm("qemu -net nic -net tap,fd=#", "A1"),
        )],
    ),
    row(
        "`-sock A,B` joins one NIC to both switches on vlan 0",
        "same",
        &[case(
            "vdeq qemu -sock A,B -m 1",
            vm_and(
                "qemu -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# -net nic -m 1",
                "A1 B1",
                ONE_NIC,
            ),
            vm("qemu -m 1 -net tap,fd=# -net tap,fd=# -net nic", "A1 B1"),
        )],
    ),
    row(
        "a warning on standard error that it does so",
        "not kept",
        &[case(
            "vdeq qemu -sock A,B",
            vm_and("qemu -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# -net nic", "A1 B1", ONE_NIC),
            vm("qemu -net tap,fd=# -net tap,fd=# -net nic", "A1 B1"),
        )],
    ),
    row(
        "the manual's options section says that each name gets an interface",
        "the examples",
        &[case(
            "vdeoqemu -sock A,B",
            vm("qemu -tun-fd # -tun-fd # -nics 2", "A1 B1"),
            vm("qemu -tun-fd # -tun-fd # -nics 2", "A1 B1"),
        )
        .on(super::OLDEST)],
    ),
    row(
        "`-sock A` alone",
        "kept",
        &[
            case(
                "vdeq qemu -sock A -m 1",
                vm("qemu -net tap,vlan=0,fd=# -net nic -m 1", "A1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "A1"),
            ),
            case(
                "vdeq qemu -sock A -m 1",
                vm("qemu -net tap,vlan=0,fd=# -net nic -m 1", "A1"),
                vm("qemu -m 1 -nic socket,fd=#", "A1"),
            )
            .on(super::MODERN),
        ],
    ),
    row(
        "an empty name in the list, or an empty list, is the default switch",
        "same",
        &[
            case(
                "vdeq qemu -sock A,",
                vm_and("qemu -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# -net nic", "D1 A1", ONE_NIC),
                vm("qemu -net tap,fd=# -net tap,fd=# -net nic", "D1 A1"),
            ),
            case(
                "vdeq qemu -sock ,A",
                vm_and("qemu -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# -net nic", "D1 A1", ONE_NIC),
                vm("qemu -net tap,fd=# -net tap,fd=# -net nic", "D1 A1"),
            ),
            case(
                "vdeq qemu -sock '' -m 1",
                vm("qemu -net tap,vlan=0,fd=# -net nic -m 1", "D1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
            ),
        ],
    ),
    row(
        "a name in the list may be a locator with a port",
        "same",
        &[
            case(
                "vdeq qemu -sock A[7]",
                vm("qemu -net tap,vlan=0,fd=# -net nic", "A7"),
                vm("qemu -net nic -net tap,fd=#", "A7"),
            ),
            case(
                "vdeq qemu -sock \"A\"",
                vm("qemu -net tap,vlan=0,fd=# -net nic", "A1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
    row(
        "a second `-sock` is left for QEMU to refuse",
        "mended",
        &[case(
            "vdeq qemu -sock A -sock B -m 1",
            vm("qemu -net tap,vlan=0,fd=# -net nic -sock B -m 1", "A1"),
            vm("qemu -m 1 -net tap,fd=# -net tap,fd=# -net nic", "A1 B1"),
        )],
    ),
    row(
        "`-sock A -net nic` makes two NICs",
        "mended",
        &[case(
            "vdeq qemu -sock A -net nic,model=e1000",
            vm("qemu -net tap,vlan=0,fd=# -net nic -net nic,model=e1000", "A1"),
            vm("qemu -net nic,model=e1000 -net tap,fd=#", "A1"),
        )],
    ),
    row(
        "`-sock A -net user` joins vlan 0 to both",
        "same",
        &[case(
            "vdeq qemu -sock A -net user",
            vm("qemu -net tap,vlan=0,fd=# -net nic -net user", "A1"),
            vm("qemu -net user -net tap,fd=# -net nic", "A1"),
        )],
    ),
    row(
        "V30: `-sock A -net vde,...` forgets A",
        "mended",
        &[
            case(
                "vdeq qemu -sock A -net vde,sock=B",
                vm("A -net tap,vlan=0,fd=#", "B1"),
                vm("qemu -net tap,fd=# -net tap,fd=# -net nic", "A1 B1"),
            ),
            case(
                "vdeq qemu --mod 600 -net nic -net vde",
                vm("600 -net nic -net tap,vlan=0,fd=#", "D1"),
                vm("qemu -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeqemu -net nic -net vde",
                vm("theirs/vdeqemu -net nic -net tap,vlan=0,fd=#", "D1"),
                vm("qemu -net nic -net tap,fd=#", "D1"),
            ),
        ],
    ),
    row(
        "`-sock` or `--mod` as the last word is left for QEMU",
        "mended",
        &[
            case(
                "vdeq qemu -sock",
                vm("qemu -net tap,vlan=0,fd=# -net nic -sock", "D1"),
                ends(125, "", "the command line ends where PATH[,PATH...] was expected"),
            ),
            case(
                "vdeqemu --mod",
                vm("qemu -net tap,vlan=0,fd=# -net nic --mod", "D1"),
                ends(125, "", "the command line ends where OCTAL was expected"),
            ),
        ],
    ),
];
