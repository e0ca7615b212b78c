//! Any program that takes the number of a descriptor: socat, which knows nothing of VDE.

use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use crate::wire::Wire;
use crate::world::{World, start, switch};

/// Longest wait for a frame.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn socat_takes_frames_out_of_a_switch_and_puts_them_in() {
    let (world, switch) = (World::new(), switch());
    let wire = Wire::into(&switch, 1);
    let place = format!("FD:{{vde:sock={},port=7}}", switch.dir().display());
    let mut command = world.vdeq();
    command.args(["--fd-placeholder", "socat", "-", &place]).stdin(Stdio::piped());
    let mut socat = start(&mut command);
    let ports = switch.wait_for_ports("socat to be plugged in", |ports| ports.len() == 2);
    assert_eq!(ports[1].number, 7);

    // Into the switch: what is read at once is one datagram, and that is one frame.
    let mut stdin = socat.child.stdin.take().unwrap();
    let said = wire.frame("said by a pipe");
    stdin.write_all(&said).unwrap();
    assert_eq!(wire.receive(PATIENCE), Some(said));

    // Out of it. socat has answered, so it is there to hear.
    let heard = wire.frame("heard by a pipe");
    wire.send(&heard);
    let mut stdout = socat.child.stdout.take().unwrap();
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut frame = vec![0; heard.len()];
        stdout.read_exact(&mut frame).unwrap();
        sender.send(frame == heard).unwrap();
        stdout
    });
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(true), "the frame is not what was sent");

    // At the end of its input it ends.
    drop(stdin);
    socat.child.stdout = Some(reader.join().unwrap());
    let (pid, outcome) = (socat.pid(), socat.finish());
    assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "one frame and no more");
    drop(wire);
    world.assert_nothing_left(pid, &switch);
}
