//! The switch engine without sockets: what it costs to decide about a frame, by the number of ports
//! and by the length of the frame, and what a command of the console costs.
#![allow(missing_docs, clippy::expect_used, clippy::cast_possible_truncation, reason = "a bench")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vde_proto::console::{Console, Facts};
use vde_proto::frame::FrameHeader;
use vde_proto::switch::{
    ConnId, EndpointId, Input, Output, Personality, Switch, SwitchConfig, Verdict,
};
use vde_proto::{ClientAddress, Description, MacAddr, PortRequest, Request, SocketPath};

const PORTS: [u32; 4] = [2, 16, 64, 256];
const NOW: Duration = Duration::from_secs(1);

fn mac(number: u32) -> MacAddr {
    let [a, b, c, d] = number.to_be_bytes();
    MacAddr::new([2, 0, a, b, c, d])
}

fn frame(dst: MacAddr, src: MacAddr, length: usize) -> Vec<u8> {
    FrameHeader { dst, src, vlan: None, ethertype: 0x0800 }.emit(&vec![0; length - 14])
}

/// A switch for many addresses, with a client on each of its ports.
fn switch(ports: u32) -> (Switch, Vec<EndpointId>) {
    let config =
        SwitchConfig { ports, hash_size: 16_384, ..SwitchConfig::new(Personality::Strict) };
    let mut switch = Switch::new(config);
    let ends = (0..ports).map(|port| join(&mut switch, ConnId(port.into()))).collect();
    (switch, ends)
}

fn join(switch: &mut Switch, conn: ConnId) -> EndpointId {
    let path = SocketPath::new("/run/vde.ctl/.vdeq.1234.0").expect("a short path");
    let description = Description::sanitised("vdeq: user=0 pid=1234 net=0");
    let request = Request::new(PortRequest::Any, ClientAddress::Path(path), description).emit();
    switch.handle(NOW, Input::Control(conn, &request));
    let mut id = None;
    while let Some(output) = switch.poll_output() {
        match output {
            Output::Attach { conn, .. } => {
                switch.handle(NOW, Input::Attached { conn, owner: Some(0) });
            }
            Output::Serve { conn, endpoint, .. } => {
                let path = SocketPath::new("/run/vde.ctl/001.7").expect("a short path");
                switch.handle(NOW, Input::Served { conn, path });
                id = Some(endpoint);
            }
            _ => {}
        }
    }
    id.expect("a free port")
}

/// Frames between guests, `macs` of them, spread over the ports: each to the one that is `stride`
/// further. All of them are known.
fn talk(switch: &mut Switch, ends: &[EndpointId], macs: u32, stride: u32, length: usize) -> Talk {
    let mut to = Vec::new();
    let end = |number: u32| *ends.get(number as usize % ends.len()).expect("a port");
    for number in 0..macs {
        let hello = frame(MacAddr::BROADCAST, mac(number), 64);
        switch.forward(NOW, end(number), &hello, &mut to);
    }
    let between = |number| {
        let peer = (number + stride) % macs;
        (end(number), frame(mac(peer), mac(number), length))
    };
    Talk { frames: (0..macs).map(between).collect(), next: 0, to }
}

struct Talk {
    frames: Vec<(EndpointId, Vec<u8>)>,
    next: usize,
    to: Vec<EndpointId>,
}

impl Talk {
    /// The next frame goes through the switch.
    fn say(&mut self, switch: &mut Switch) -> Verdict {
        let (from, frame) = self.frames.get(self.next).expect("a frame");
        self.next = if self.next + 1 == self.frames.len() { 0 } else { self.next + 1 };
        let verdict = switch.forward(NOW, *from, black_box(frame), &mut self.to).verdict;
        black_box(self.to.as_slice());
        verdict
    }
}

fn forward(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Elements(1));
    for ports in PORTS {
        let (mut switch, ends) = switch(ports);
        let mut talk = talk(&mut switch, &ends, ports, 1, 64);
        assert_eq!(talk.say(&mut switch), Verdict::Unicast);
        group.bench_function(BenchmarkId::new("unicast", ports), |b| {
            b.iter(|| talk.say(&mut switch));
        });
    }
    let (mut many, ends) = switch(256);
    let mut crowd = talk(&mut many, &ends, 10_000, 4_999, 64);
    assert_eq!(crowd.say(&mut many), Verdict::Unicast);
    group.bench_function("unicast-10000-addresses/256", |b| b.iter(|| crowd.say(&mut many)));
    for length in [64, 590, 1_514, 9_018] {
        let (mut switch, ends) = switch(2);
        let mut talk = talk(&mut switch, &ends, 2, 1, length);
        group.bench_function(BenchmarkId::new("length", length), |b| {
            b.iter(|| talk.say(&mut switch));
        });
    }
    for ports in PORTS {
        let (mut switch, ends) = switch(ports);
        let mut talk = talk(&mut switch, &ends, ports, 1, 64);
        for (_, bytes) in &mut talk.frames {
            bytes.splice(..6, MacAddr::BROADCAST.octets());
        }
        assert_eq!(talk.say(&mut switch), Verdict::Flood);
        group.bench_function(BenchmarkId::new("flood", ports), |b| {
            b.iter(|| talk.say(&mut switch));
        });
    }
    group.finish();
}

fn ports(c: &mut Criterion) {
    let (mut switch, ends) = switch(256);
    talk(&mut switch, &ends, 10_000, 1, 64);
    let mut last = 1_000;
    // Port 256 is left and taken again.
    switch.handle(NOW, Input::ControlClosed(ConnId(255)));
    c.bench_function("engine/join-and-leave/256", |b| {
        b.iter(|| {
            last += 1;
            join(&mut switch, ConnId(last));
            switch.handle(NOW, Input::ControlClosed(ConnId(last)));
            while switch.poll_output().is_some() {}
        });
    });
}

fn console(c: &mut Criterion) {
    let (mut switch, ends) = switch(256);
    talk(&mut switch, &ends, 10_000, 1, 64);
    let console = Console::new(Facts {
        program: "bench",
        pid: 1,
        mac: mac(0),
        ctl_dir: b"/run/vde.ctl",
        mode: 0o600,
        mgmt: None,
        started: NOW,
        user_name: &|_| None,
    });
    for command in ["showinfo", "port/print 200", "port/print", "hash/print"] {
        c.bench_function(&format!("console/{command}"), |b| {
            b.iter(|| console.command(&mut switch, NOW, black_box(command.as_bytes())));
        });
    }
}

criterion_group!(benches, forward, ports, console);
criterion_main!(benches);
