//! Lines that QEMU has to refuse, for what is wrong with them: the rewrite must not mend that.

use std::time::Instant;

use super::{Attempt, Qemu, report, shown};

/// Words that make an error of any line that they are on, for vdeq or for QEMU. Not `model=frob`: a
/// QEMU of today makes no such NIC, warns, and starts.
const SPOILERS: [&[&str]; 40] = [
    &["-net", "nic,vlan=1,macaddr=zz"],
    &["-net", "nic,vlan=0,frob=1"],
    &["-net", "nic,vlan"],
    &["-net", "nic,vlan=2147483648"],
    &["-net", "nic,vlan=1,netdev=missing"],
    &["-net", "nic,vlan=010", "-net", "user,vlan=8"],
    &["-net", "vde,vlan=010"],
    &["-net", "user,vlan=-1"],
    &["-net", "user,vlan=1,net=zz"],
    &["-net", "user,vlan=1,frob=1"],
    &["-net", "socket,vlan=1"],
    &["-net", "frob,vlan=1"],
    &["-net", "vdefoo"],
    &["-net", "vde,vlan=zz"],
    &["-net", "vde,port=zz"],
    &["-net", "vde,frob=1"],
    &["-net", "vde,sock"],
    &["-net", "vde,vlan=1,id=1x"],
    &["-net", "vde,vlan=0,id=1x"],
    &["-net", "user,vlan=1,id=same", "-net", "user,vlan=2,id=same"],
    &["-net", "vde,vlan=1,id=same", "-net", "vde,vlan=2,id=same"],
    &["-net", "dump,vlan=1,file=/dev/null,len=zz"],
    &["-net", "dump,vlan=0,file=/dev/null/no"],
    &["-netdev", "vde,id=same", "-netdev", "user,id=same"],
    &["-netdev", "vde,id=same", "-netdev", "vde,id=same"],
    &["-netdev", "vde"],
    &["-netdev", "user"],
    &["-netdev", "hubport,id=port"],
    &["-netdev", "hubport,id=port,hubid=zz"],
    &["-netdev", "{\"type\":\"vde\",\"id\":\"json\",\"id\":\"other\"}"],
    &["-netdev", "{\"type\":\"vde\",\"id\":\"json\",\"frob\":1}"],
    &["-netdev", "{\"type\":\"vde\",\"sock\":\"/sw\"}"],
    &["-netdev", "{\"type\":\"vde\",\"id\":\"json\""],
    &["-netdev", "vde,id=one", "-device", "e1000,netdev=one", "-device", "pcnet,netdev=one"],
    &["-netdev", "vde,id=one", "-device", "e1000,netdev=one", "-net", "nic,netdev=one"],
    &["-netdev", "vde,id=one", "-device", "e1000,netdev=one,vlan=1"],
    &["-device", "e1000,netdev=missing"],
    &["-device", "e1000,vlan=1,mac=zz"],
    &["-device", "frob,vlan=1"],
    &["-nic", "vde,mac=zz"],
];

/// Each spoiler on a few lines that are right without it, as the tests beside this one show.
fn what_means_nothing_is_refused(name: &'static str) {
    let (qemu, since) = (Qemu::of_rig(name), Instant::now());
    let mut wrong = Vec::new();
    for (number, spoiler) in (0..).zip(SPOILERS) {
        let (_, line) = qemu.line(number, spoiler);
        let taken = Attempt::new(&line.argv, qemu.version).and_then(|it| it.found(&qemu));
        if let Ok(found) = taken {
            wrong.push(format!("{spoiler:?} is taken:\n{}\n{found:#?}", shown(&line.argv)));
        }
    }
    report(&qemu, &wrong, SPOILERS.len(), since);
}

#[test]
fn what_means_nothing_is_refused_on_every_qemu() {
    for name in crate::rig::QEMUS {
        what_means_nothing_is_refused(name);
    }
}
