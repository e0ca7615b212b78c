//! Commas and quotes in a network, and lines without VDE.

use super::{MODERN, Row, case, ends, row, vm, vm_and};

/// What the C vdeq says on standard output of a parameter.
const UNKNOWN: &str = "WARNING: unknown parameter in argument";

/// What the C vdeq makes of a line without VDE.
macro_rules! added {
    ($line:literal) => {
        concat!("qemu -net tap,vlan=0,fd=# -net nic ", $line)
    };
}

pub const ROWS: &[Row] = &[
    row(
        "`vde,,sock=x` and `vde,port=1,,sock=x` have an empty item",
        "same",
        &[
            case(
                "vdeq qemu -net nic -net vde,,sock=A",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "A1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
            case(
                "vdeq qemu -net nic -net vde,port=3,,sock=A",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "A3"),
                vm("qemu -net nic -net tap,fd=#", "A3"),
            ),
        ],
    ),
    row(
        "`vde,sock=x,,port=1` has an empty item too",
        "not kept",
        &[case(
            "vdeq qemu -net vde,sock=A,,port=3",
            vm("qemu -net tap,vlan=0,fd=#", "A3"),
            ends(125, "", "there is no switch at A,port=3"),
        )],
    ),
    row(
        "an empty item at the end (`vde,` and `vde,sock=x,`) ends the program with status 255",
        "mended",
        &[
            case(
                "vdeq qemu -net nic -net vde,",
                ends(255, UNKNOWN, ""),
                vm("qemu -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeq qemu -net nic -net vde,sock=A,port=3,",
                ends(255, UNKNOWN, ""),
                vm("qemu -net nic -net tap,fd=#", "A3"),
            ),
        ],
    ),
    row(
        "`sock=\"...\"` is a locator in quotes",
        "same",
        &[
            case(
                "vdeq qemu -net nic -net vde,sock=\"A\",port=3",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "A3"),
                vm("qemu -net nic -net tap,fd=#", "A3"),
            ),
            case(
                "vdeq qemu -net nic -net vde,sock='A'",
                vm("qemu -net nic -net tap,vlan=0,fd=#", "A1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
    row(
        "no network named: the default switch and a NIC",
        "same",
        &[
            case(
                "vdeq qemu -b c -hda=sampledisk",
                vm(added!("-b c -hda=sampledisk"), "D1"),
                vm("qemu -b c -net nic -net tap,fd=# -hda=sampledisk", "D1"),
            ),
            case(
                "vdeq qemu disk.img",
                vm(added!("disk.img"), "D1"),
                vm("qemu disk.img -nic socket,fd=#", "D1"),
            )
            .on(MODERN),
        ],
    ),
    row(
        "only `-net nic`: the default switch and a second NIC",
        "mended",
        &[case(
            "vdeq qemu -net nic,vlan=1",
            vm(added!("-net nic,vlan=1"), "D1"),
            vm("qemu -net nic,vlan=1 -net tap,fd=#,vlan=1", "D1"),
        )],
    ),
    row(
        "`-net user` (or another backend, or `none`)",
        "not kept",
        &[
            case(
                "vdeq qemu -net nic -net user",
                vm(added!("-net nic -net user"), "D1"),
                vm_and("qemu -net nic -net user", "", "no VDE network was added"),
            ),
            case(
                "vdeq qemu -net none",
                vm(added!("-net none"), "D1"),
                vm_and("qemu -net none", "", "no VDE network was added"),
            ),
        ],
    ),
    row(
        "`-net dump` and the default switch share vlan 0",
        "same",
        &[case(
            "vdeq qemu -net dump,file=f",
            vm(added!("-net dump,file=f"), "D1"),
            vm("qemu -net dump,file=f -net tap,fd=# -net nic", "D1"),
        )],
    ),
    row(
        "`vdeq qemu -version`, `-cpu help`: needs a switch, and adds a network",
        "mended",
        &[
            case("vdeq qemu -version", vm(added!("-version"), "D1"), ends(0, "QEMU PC", "")),
            case("vdeq qemu -cpu help", vm(added!("-cpu help"), "D1"), vm("qemu -cpu help", "")),
        ],
    ),
    row(
        "what is added stands first, so the NIC of vdeq is the first",
        "not kept",
        &[case(
            "vdeq qemu -m 1 -nographic",
            vm(added!("-m 1 -nographic"), "D1"),
            vm("qemu -m 1 -nographic -net nic -net tap,fd=#", "D1"),
        )],
    ),
    row(
        "all other arguments stay as they are",
        "same",
        &[
            case(
                "vdeq qemu -append LONG -name BYTES -boot '' -frobnicate",
                vm(added!("-append LONG -name BYTES -boot '' -frobnicate"), "D1"),
                vm(
                    "qemu -append LONG -name BYTES -boot '' -net nic -net tap,fd=# -frobnicate",
                    "D1",
                ),
            ),
            case(
                "vdeq qemu '' -net nic -net vde,sock=A",
                vm("qemu '' -net nic -net tap,vlan=0,fd=#", "A1"),
                vm("qemu '' -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
];
