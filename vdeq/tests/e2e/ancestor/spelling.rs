//! What is taken for `-net vde`, and what is not.

use super::{Row, case, ends, row, vm, vm_and};

/// What the C vdeq says on standard output of a parameter.
const UNKNOWN: &str = "WARNING: unknown parameter in argument";

/// What the C vdeq makes of a line in which it sees no `-net vde`.
macro_rules! unseen {
    ($line:literal) => {
        concat!("qemu -net tap,vlan=0,fd=# -net nic ", $line)
    };
}

pub const ROWS: &[Row] = &[
    row(
        "only `-net vde...`: `--net vde`, `-net type=vde`",
        "mended",
        &[
            case(
                "vdeq qemu -net nic --net vde,sock=A",
                vm(unseen!("-net nic --net vde,sock=A"), "D1"),
                vm("qemu -net nic --net tap,fd=#", "A1"),
            ),
            case(
                "vdeq qemu -net nic -net type=vde,sock=A",
                vm(unseen!("-net nic -net type=vde,sock=A"), "D1"),
                vm("qemu -net nic -net type=tap,fd=#", "A1"),
            ),
            case(
                "vdeq qemu -netdev vde,id=n,sock=A -device e1000,netdev=n",
                vm(unseen!("-netdev vde,id=n,sock=A -device e1000,netdev=n"), "D1"),
                vm("qemu -netdev tap,fd=#,id=n -device e1000,netdev=n", "A1"),
            ),
            case(
                "vdeq qemu -nic vde,sock=A",
                vm(unseen!("-nic vde,sock=A"), "D1"),
                vm("qemu -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
    row(
        "a `-netdev` in JSON stays as it is too",
        "mended",
        &[case(
            r#"vdeq qemu -device e1000,netdev=n -netdev {"type":"vde","id":"n","sock":"A"}"#,
            vm(
                unseen!(r#"-device e1000,netdev=n -netdev {"type":"vde","id":"n","sock":"A"}"#),
                "D1",
            ),
            vm("qemu -device e1000,netdev=n -netdev tap,fd=#,id=n", "A1"),
        )],
    ),
    row(
        "`-readconfig FILE`: the default switch is added",
        "mended",
        &[
            case(
                "vdeq qemu -readconfig vde.cfg",
                vm(unseen!("-readconfig vde.cfg"), "D1"),
                ends(125, "", "-netdev"),
            ),
            case(
                "vdeq qemu -readconfig user.cfg",
                vm(unseen!("-readconfig user.cfg"), "D1"),
                vm_and("qemu -readconfig user.cfg", "", "no VDE network was added"),
            ),
        ],
    ),
    row(
        "`-net=vde` is no option of QEMU or vdeq",
        "same",
        &[case(
            "vdeq qemu -net=vde",
            vm(unseen!("-net=vde"), "D1"),
            vm("qemu -net nic -net tap,fd=# -net=vde", "D1"),
        )],
    ),
    row(
        "`-net` as the last word is left to QEMU",
        "same",
        &[case(
            "vdeq qemu -m 1 -net",
            vm(unseen!("-m 1 -net"), "D1"),
            vm("qemu -m 1 -net nic -net tap,fd=# -net", "D1"),
        )],
    ),
    row(
        "`-name -net` is left alone",
        "same",
        &[case(
            "vdeq qemu -name -net -m 1",
            vm(unseen!("-name -net -m 1"), "D1"),
            vm("qemu -name -net -m 1 -net nic -net tap,fd=#", "D1"),
        )],
    ),
    row(
        "`-append -net vde`: the two words are a network",
        "mended",
        &[
            case(
                "vdeq qemu -append -net vde",
                vm("qemu -append -net tap,vlan=0,fd=#", "D1"),
                vm("qemu -append -net vde -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeq qemu -net -net vde",
                vm("qemu -net -net tap,vlan=0,fd=#", "D1"),
                vm_and("qemu -net -net vde", "", "`-net` settles what the network is"),
            ),
        ],
    ),
    row(
        "`-net vdefoo` is VDE with the parameter `foo`",
        "not kept",
        &[
            case(
                "vdeq qemu -net vdefoo",
                ends(255, UNKNOWN, ""),
                vm_and("qemu -net vdefoo", "", "did you mean `vde,...`?"),
            ),
            case(
                "vdeq qemu -net vdesock=A,port=9",
                vm("qemu -net tap,vlan=0,fd=#", "A9"),
                vm_and("qemu -net vdesock=A,port=9", "", "did you mean `vde,...`?"),
            ),
            case(
                "vdeq qemu -net vde:sock=A",
                ends(255, UNKNOWN, ""),
                vm_and("qemu -net vde:sock=A", "", "did you mean `vde,...`?"),
            ),
        ],
    ),
    row(
        "`-net vd` and `-net VDE` are left for QEMU to refuse, and the default switch is added",
        "mended",
        &[
            case(
                "vdeq qemu -net vd",
                vm(unseen!("-net vd"), "D1"),
                vm_and("qemu -net vd", "", "did you mean `vde,...`?"),
            ),
            case(
                "vdeq qemu -net VDE",
                vm(unseen!("-net VDE"), "D1"),
                vm_and("qemu -net VDE", "", "did you mean `vde,...`?"),
            ),
        ],
    ),
];
