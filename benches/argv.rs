//! Reading and rewriting command lines.
#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a bench")]

use std::ffi::OsString;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vde_args::{Command, Network, QemuVersion, parse};

fn words(text: &str) -> Vec<OsString> {
    text.split(' ').map(OsString::from).collect()
}

/// The man page's example with two switches.
fn man_page() -> Vec<OsString> {
    words(
        "vdeq qemu -net nic,vlan=0 -net nic,vlan=1 -net vde,vlan=0 \
         -net vde,vlan=1,sock=/tmp/my.ctl,port=10",
    )
}

/// A line of `length` words, as management tools make them, with one VDE network at its end.
fn long_line(length: usize) -> Vec<OsString> {
    let device =
        "-device virtio-blk-pci,drive=d,bus=pci.0,addr=0x5 -drive if=none,id=d,file=disk.img";
    let device = words(device);
    let mut line = words("vdeq qemu");
    line.extend(device.iter().cycle().take(length.saturating_sub(4) & !1).cloned());
    line.extend(words("-nic vde,sock=/tmp/my.ctl"));
    line
}

/// A line of `length` words that is all networks: a NIC and a VDE network on each vlan.
fn network_line(length: usize) -> Vec<OsString> {
    let mut line = words("vdeq qemu");
    for vlan in 0..length.saturating_sub(2) / 4 {
        line.extend(words(&format!("-net nic,vlan={vlan} -net vde,vlan={vlan},sock=/tmp/my.ctl")));
    }
    line
}

const NEW: QemuVersion = QemuVersion::new(7, 2, 0);
const OLD: QemuVersion = QemuVersion::new(2, 5, 0);

/// From argv to argv.
fn rewrite(argv: &[OsString], version: QemuVersion) -> Vec<OsString> {
    let Ok(Command::Run(invocation)) = parse(argv) else { panic!("no invocation") };
    let network = Network::read(&invocation).expect("networks");
    let fds: Vec<i32> = (7..).take(network.plugs().len()).collect();
    network.rewrite(version, &fds).expect("a rewrite").args
}

fn argv(c: &mut Criterion) {
    for (name, version) in [("7.2", NEW), ("2.5", OLD)] {
        let line = man_page();
        let id = BenchmarkId::new("rewrite/man-page", name);
        c.bench_with_input(id, &line, |b, line| b.iter(|| rewrite(black_box(line), version)));
    }
    for (name, make) in [("words", long_line as fn(usize) -> _), ("networks", network_line)] {
        let mut group = c.benchmark_group(format!("rewrite/{name}"));
        for length in [10, 200, 2_000, 10_000] {
            group.throughput(Throughput::Elements(length as u64));
            let line = make(length);
            group.bench_with_input(BenchmarkId::from_parameter(length), &line, |b, line| {
                b.iter(|| rewrite(black_box(line), NEW));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, argv);
criterion_main!(benches);
