//! Encoding, decoding, and a whole handshake in memory.
#![allow(missing_docs, clippy::expect_used, reason = "a bench")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use vde_proto::plug::{Input, Output, Plug, PlugConfig};
use vde_proto::switch::{self, ConnId, Personality, Switch, SwitchConfig};
use vde_proto::{ClientAddress, Description, PortRequest, Reply, Request, SocketPath};

fn address() -> ClientAddress {
    ClientAddress::Path(SocketPath::new("/run/vde.ctl/.vdeq.1234.0").expect("a short path"))
}

fn config() -> PlugConfig {
    PlugConfig {
        address: address(),
        port: PortRequest::Any,
        description: Description::sanitised("vdeq: user=0 pid=1234 net=0"),
        timeout: Duration::from_secs(5),
        attempts: 4,
        pause: Duration::from_millis(20),
    }
}

/// Client and switch, back to back: from the first input to both ends up, and down again.
fn handshake(switch: &mut Switch, conn: ConnId) {
    let now = Duration::ZERO;
    let mut plug = Plug::new(config());
    plug.handle(now, Input::Start);
    let Some(Output::Send(request)) = plug.handle(now, Input::Dialed) else { return };
    switch.handle(now, switch::Input::Control(conn, &request));
    while let Some(output) = switch.poll_output() {
        match output {
            switch::Output::Attach { conn, .. } => {
                switch.handle(now, switch::Input::Attached { conn, owner: Some(0) });
            }
            switch::Output::Serve { conn, .. } => {
                let path = SocketPath::new("/run/vde.ctl/001.7").expect("a short path");
                switch.handle(now, switch::Input::Served { conn, path });
            }
            switch::Output::Reply { bytes, .. } => {
                plug.handle(now, Input::Received(&bytes));
                plug.handle(now, Input::DataConnected);
            }
            _ => {}
        }
    }
    assert!(plug.is_up());
    switch.handle(now, switch::Input::ControlClosed(conn));
    while switch.poll_output().is_some() {}
}

fn wire(c: &mut Criterion) {
    let description = Description::sanitised("vdeq: user=0 pid=1234 net=0");
    let request = Request::new(PortRequest::Any, address(), description);
    let bytes = request.emit();
    c.bench_function("request/emit", |b| b.iter(|| black_box(&request).emit()));
    c.bench_function("request/parse", |b| b.iter(|| Request::parse(black_box(&bytes))));

    let path = SocketPath::new("/run/vde.ctl/001.7").expect("a short path");
    let reply = Reply { path }.emit();
    c.bench_function("reply/parse", |b| b.iter(|| Reply::parse(black_box(&reply))));

    let mut switch = Switch::new(SwitchConfig::new(Personality::New));
    let mut next = 0;
    c.bench_function("handshake/in-memory", |b| {
        b.iter(|| {
            next += 1;
            handshake(&mut switch, ConnId(next));
        });
    });
}

criterion_group!(benches, wire);
criterion_main!(benches);
