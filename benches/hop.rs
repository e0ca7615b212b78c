//! One frame, from a plug to a plug: the kernel's floor, and through a switch.
//!
//! A frame is sent and waited for before the next is sent, so what is measured is the way and the
//! waking up, not what a queue can hold.
#![allow(missing_docs, clippy::expect_used, reason = "a bench")]

use std::os::unix::net::UnixDatagram;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use vde_benches::{Plug, broadcast};
use vde_exec::testkit::fake_switch::{FakeSwitch, Options};
use vde_exec::testkit::real_switch::{self, RealSwitch};
use vde_proto::switch::Personality;

fn pass(from: &UnixDatagram, to: &UnixDatagram, frame: &[u8], buffer: &mut [u8]) {
    from.send(frame).expect("sending");
    let length = to.recv(buffer).expect("receiving");
    assert_eq!(length, frame.len());
}

fn hop(c: &mut Criterion) {
    let (a, b) = UnixDatagram::pair().expect("a socket pair");
    let fake = FakeSwitch::start(Options::new(Personality::Old));
    let (c1, d1) = (Plug::into(fake.dir()), Plug::into(fake.dir()));
    let real = RealSwitch::start(real_switch::Options::default());
    let (c2, d2) = (Plug::into(real.dir()), Plug::into(real.dir()));
    let ways = [
        ("kernel-floor", &a, &b),
        ("engine-of-the-fake-switch", &c1.data, &d1.data),
        ("vde_switch", &c2.data, &d2.data),
    ];
    let mut buffer = vec![0; 2048];
    let mut group = c.benchmark_group("hop");
    for length in [64, 1514] {
        let frame = broadcast(length);
        for (name, from, to) in ways {
            group.bench_with_input(BenchmarkId::new(name, length), &frame, |bench, frame| {
                bench.iter(|| pass(from, to, frame, &mut buffer));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, hop);
criterion_main!(benches);
