//! `-net vde`: what becomes of it, and its parameters.

use super::{LOUD, MODERN, OLDEST, Row, case, ends, row, vm, vm_and};

/// A VDE network of the C vdeq without `-net nic`.
macro_rules! tap {
    ($vlan:literal) => {
        concat!("qemu -net tap,vlan=", $vlan, ",fd=#")
    };
}

/// What the C vdeq says on standard output of a parameter.
const UNKNOWN: &str = "WARNING: unknown parameter in argument";

pub const ROWS: &[Row] = &[
    row(
        "V1: becomes `-net tap,vlan=N,fd=M` on every QEMU",
        "mended",
        &[
            case(
                "vdeq qemu -net nic -net vde,sock=A",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "A1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
            case(
                "vdeq qemu -net nic -net vde,sock=A",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "A1"),
                vm("qemu -net nic -net socket,fd=#", "A1"),
            )
            .on(MODERN),
        ],
    ),
    row(
        "`vlan=N` for QEMU 3.0 and later is an error of QEMU's",
        "mended",
        &[
            case(
                "vdeq qemu -net nic,vlan=1 -net vde,vlan=1,sock=A",
                vm("qemu -net nic,vlan=1 -net tap,vlan=1,fd=#", "A1"),
                vm("qemu -net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=#", "A1"),
            )
            .on(MODERN),
            case(
                "vdeq qemu -net nic,vlan=1 -net vde,vlan=1,sock=A",
                vm("qemu -net nic,vlan=1 -net tap,vlan=1,fd=#", "A1"),
                vm("qemu -net nic,vlan=1 -net tap,fd=#,vlan=1", "A1"),
            ),
        ],
    ),
    row(
        "it stands where it stood; all that is not `-net vde` stays in its order",
        "same",
        &[case(
            "vdeq qemu -net nic -net vde -m 1 -net user -net vde,sock=A -b c",
            vm(
                "qemu -net nic -net tap,vlan=0,fd=# -m 1 -net user -net tap,vlan=0,fd=# -b c",
                "D1 A1",
            ),
            vm("qemu -net nic -net tap,fd=# -m 1 -net user -net tap,fd=# -b c", "D1 A1"),
        )],
    ),
    row(
        "any number of networks is taken",
        "same",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A -net vde,sock=A -net vde,sock=A -net vde,sock=A \
             -net vde,sock=A -net vde,sock=A -net vde,sock=A -net vde,sock=A -net vde,sock=A \
             -net vde,sock=A -net vde,sock=A",
            vm(
                "qemu -net nic -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# \
                 -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# \
                 -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# -net tap,vlan=0,fd=# \
                 -net tap,vlan=0,fd=# -net tap,vlan=0,fd=#",
                "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11",
            ),
            vm_and(
                "qemu -net nic -net tap,fd=# -net tap,fd=# -net tap,fd=# -net tap,fd=# \
                 -net tap,fd=# -net tap,fd=# -net tap,fd=# -net tap,fd=# -net tap,fd=# \
                 -net tap,fd=# -net tap,fd=#",
                "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11",
                "same switch twice",
            ),
        )],
    ),
    row(
        "one vlan is plugged into the same switch twice, and nothing is said of the loop",
        "kept",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A -net vde,sock=A",
            vm("qemu -net nic -net tap,vlan=0,fd=# -net tap,vlan=0,fd=#", "A1 A2"),
            vm_and(
                "qemu -net nic -net tap,fd=# -net tap,fd=#",
                "A1 A2",
                "vlan 0 is plugged into the same switch twice",
            ),
        )],
    ),
    row(
        "V25: on QEMU 0.7 a plug for the default switch is added",
        "mended",
        &[
            case(
                "vdeq qemu -net vde,sock=A",
                vm("qemu -tun-fd # -nics 1 -net vde,sock=A", "D1"),
                vm("qemu -tun-fd # -nics 1", "A1"),
            )
            .on(OLDEST),
            case(
                "vdeoqemu -net nic -net vde,sock=A",
                vm("qemu -tun-fd # -nics 1 -net nic -net vde,sock=A", "D1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
    row(
        "V25: a warning before QEMU's banner makes it \"0.7\"",
        "mended",
        &[case(
            "vdeq qemu -m 1",
            vm("qemu -tun-fd # -nics 1 -m 1", "D1"),
            vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
        )
        .on(LOUD)],
    ),
    row(
        "without `-net nic` the VM gets no NIC",
        "mended",
        &[case(
            "vdeq qemu -net vde,vlan=1,sock=A",
            vm(tap!(1), "A1"),
            vm("qemu -net tap,fd=#,vlan=1 -net nic,vlan=1", "A1"),
        )],
    ),
    row(
        "parameters `sock`, `vlan`, `port`",
        "mended",
        &[
            case(
                "vdeq qemu -net vde,port=3,vlan=2,sock=A -net nic,vlan=2",
                vm("qemu -net tap,vlan=2,fd=# -net nic,vlan=2", "A3"),
                vm("qemu -net tap,fd=#,vlan=2 -net nic,vlan=2", "A3"),
            ),
            case(
                "vdeq qemu -net vde,foo=1,port=2",
                ends(255, UNKNOWN, ""),
                ends(125, "", "`foo` is not a parameter of a VDE network"),
            ),
            case(
                "vdeq qemu -net vde,VLAN=1",
                ends(255, UNKNOWN, ""),
                ends(125, "", "`VLAN` is not a parameter"),
            ),
            case(
                "vdeq qemu -net nic -net vde,mode=600,sock=A",
                ends(255, UNKNOWN, ""),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
    row(
        "V23: digits are read as far as they go",
        "mended",
        &[
            case("vdeq qemu -net vde,port=abc", vm(tap!(0), "D1"), ends(125, "", "`abc`")),
            case("vdeq qemu -net vde,port=0x3", vm(tap!(0), "D1"), ends(125, "", "`0x3`")),
            case("vdeq qemu -net vde,port=3abc", vm(tap!(0), "D3"), ends(125, "", "`3abc`")),
            case("vdeq qemu -net vde,port=+3", vm(tap!(0), "D3"), ends(125, "", "`+3`")),
            case(
                "vdeq qemu -net vde,port=4294967299",
                vm(tap!(0), "D3"),
                ends(125, "", "`4294967299` is not a port number"),
            ),
            case("vdeq qemu -net vde,vlan=zz", vm(tap!(0), "D1"), ends(125, "", "`zz`")),
            case("vdeq qemu -net vde,vlan=1x", vm(tap!(1), "D1"), ends(125, "", "`1x`")),
            case("vdeq qemu -net vde,vlan=-1", vm(tap!(-1), "D1"), ends(125, "", "`-1`")),
            case(
                "vdeq qemu -net vde,vlan=2147483648",
                vm(tap!(-2147483648), "D1"),
                ends(125, "", "`2147483648` is not a vlan number"),
            ),
        ],
    ),
    row(
        "V23: `port=-1` is port 0 of the switch, which it gives to nobody else",
        "mended",
        &[case("vdeq qemu -net vde,port=-1", vm(tap!(0), "D0"), ends(125, "", "`-1`"))],
    ),
    row(
        "leading zeros of a port mean nothing",
        "same",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A,port=010",
            vm("qemu -net nic -net tap,vlan=0,fd=#", "A10"),
            vm("qemu -net nic -net tap,fd=#", "A10"),
        )],
    ),
    row(
        "`port=0` is any port",
        "same",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A,port=5,port=0",
            vm("qemu -net nic -net tap,vlan=0,fd=#", "A1"),
            vm("qemu -net nic -net tap,fd=#", "A1"),
        )],
    ),
    row(
        "`port=` without a value is any port",
        "same",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A,port=",
            vm("qemu -net nic -net tap,vlan=0,fd=#", "A1"),
            vm("qemu -net nic -net tap,fd=#", "A1"),
        )],
    ),
    row(
        "`vlan=` without a value is vlan 0",
        "not kept",
        &[case(
            "vdeq qemu -net nic -net vde,vlan=",
            vm("qemu -net nic -net tap,vlan=0,fd=#", "D1"),
            ends(125, "", "is not a vlan number"),
        )],
    ),
    row(
        "`sock=` without a value is the default switch",
        "same",
        &[
            case(
                "vdeq qemu -net nic -net vde,sock=",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "D1"),
                vm("qemu -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeq qemu -net nic -net vde,sock=A,sock=",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "D1"),
                vm("qemu -net nic -net tap,fd=#", "D1"),
            ),
        ],
    ),
    row(
        "`sock` without `=` ends the program with status 255",
        "same",
        &[
            case("vdeq qemu -net vde,sock", ends(255, UNKNOWN, ""), ends(125, "", "has no value")),
            case("vdeq qemu -net vde,port", ends(255, UNKNOWN, ""), ends(125, "", "has no value")),
            case("vdeq qemu -net vde,=x", ends(255, UNKNOWN, ""), ends(125, "", "not a parameter")),
        ],
    ),
    row(
        "of a repeated parameter the last counts",
        "same",
        &[
            case(
                "vdeq qemu -net nic -net vde,sock=A,sock=B,port=3,port=4",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "B4"),
                vm("qemu -net nic -net tap,fd=#", "B4"),
            ),
            case(
                "vdeq qemu -net nic,vlan=2 -net vde,vlan=1,vlan=2",
                vm("qemu -net nic,vlan=2 -net tap,vlan=2,fd=#", "D1"),
                vm("qemu -net nic,vlan=2 -net tap,fd=#,vlan=1,vlan=2", "D1"),
            ),
        ],
    ),
    row(
        "V30: the argument is changed in place",
        "same",
        &[case(
            "vdeq qemu -net nic -net vde,sock=LONGA,port=3",
            vm("qemu -net nic -net tap,vlan=0,fd=#", "A3"),
            vm("qemu -net nic -net tap,fd=#", "A3"),
        )],
    ),
    row(
        "`sock=A[5]` is port 5 of A",
        "same",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A[5]",
            vm("qemu -net nic -net tap,vlan=0,fd=#", "A5"),
            vm("qemu -net nic -net tap,fd=#", "A5"),
        )],
    ),
    row(
        "`sock=A[5],port=6` is port 5",
        "mended",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A[5],port=6",
            vm("qemu -net nic -net tap,vlan=0,fd=#", "A5"),
            ends(125, "", "ask for different ports"),
        )],
    ),
    row(
        "`sock=A/ctl`, the socket in the place of its directory, is no switch",
        "mended",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A/ctl",
            vm("qemu -net nic -net tap,vlan=0,fd=#", ""),
            vm("qemu -net nic -net tap,fd=#", "A1"),
        )],
    ),
    row(
        "a `sock=` that names no switch starts a VM that is cut off",
        "mended",
        &[case(
            "vdeq qemu -net nic -net vde,sock=nosuch",
            vm("qemu -net nic -net tap,vlan=0,fd=#", ""),
            ends(125, "", "there is no switch at nosuch"),
        )],
    ),
];
