//! The server against clients of all manners.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use super::*;

const LIMITS: LineLimits = LineLimits { line: 100, output: 1000 };

struct World {
    server: LineServer,
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = LineServer::bind(&dir.path().join("s"), LIMITS, 3, b"full").unwrap();
        Self { server, dir }
    }

    fn client(&self) -> UnixStream {
        UnixStream::connect(self.dir.path().join("s")).unwrap()
    }

    fn serve(&mut self) -> Option<Served> {
        self.server.look();
        self.server.serve()
    }

    /// Whether anything would wake the server now.
    fn is_awake(&self) -> bool {
        let watched = self.server.watched();
        let mut fds: Vec<_> = watched.map(|(fd, flags)| PollFd::new(fd, flags)).collect();
        poll(&mut fds, PollTimeout::ZERO).unwrap() > 0
    }
}

fn said(served: Option<Served>) -> (ClientId, String) {
    match served {
        Some(Served::Line(id, line)) => (id, String::from_utf8(line).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_client_has_its_turn_and_its_answer() {
    let mut world = World::new();
    let [mut one, mut two] = [world.client(), world.client()];
    one.write_all(b"1\n2\n").unwrap();
    two.write_all(b"3\n").unwrap();
    world.server.look();
    let lines = std::iter::from_fn(|| world.server.serve()).map(|served| said(Some(served)));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>(), ["1", "3", "2"]);
    assert!(!world.is_awake(), "idle clients wake nobody");
    assert!(world.server.tell(lines[1].0, b"answer"));
    let mut answer = String::new();
    BufReader::new(two).read_line(&mut answer).unwrap();
    assert_eq!(answer, "answer\n");
    assert_eq!(world.serve(), Some(Served::Gone(lines[1].0)));
}

#[test]
fn a_held_client_says_nothing_and_wakes_nobody_even_when_it_goes() {
    let mut world = World::new();
    let mut client = world.client();
    client.write_all(b"1\n2\n").unwrap();
    let (id, _) = said(world.serve());
    world.server.hold(id);
    drop(client);
    assert_eq!(world.serve(), None);
    assert!(!world.is_awake());
    world.server.release(id);
    assert!(world.is_awake());
    assert_eq!(said(world.serve()).1, "2");
    assert_eq!(world.serve(), Some(Served::Gone(id)));
}

#[test]
fn who_has_said_all_is_answered_and_let_go_and_who_is_kept_stays() {
    let mut world = World::new();
    for kept in [false, true] {
        let mut client = world.client();
        client.write_all(b"question").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let (id, line) = said(world.serve());
        assert_eq!(line, "question", "the last line may lack its end");
        if kept {
            world.server.keep(id);
        }
        assert!(world.server.tell(id, b"answer"));
        assert_eq!(world.serve(), (!kept).then_some(Served::Gone(id)));
        assert!(!world.is_awake());
        assert!(world.server.tell(id, b"news"));
        if kept {
            drop(client);
            assert!(world.is_awake());
            assert_eq!(world.serve(), Some(Served::Gone(id)));
        } else {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "answer\n");
        }
    }
}

#[test]
fn one_too_many_is_told_so_and_another_time_let_in() {
    let mut world = World::new();
    let clients = [world.client(), world.client(), world.client()];
    let mut late = world.client();
    assert_eq!(world.serve(), None);
    let mut word = String::new();
    late.read_to_string(&mut word).unwrap();
    assert_eq!(word, "full\n");
    drop(clients);
    for _ in 0..3 {
        assert!(matches!(world.serve(), Some(Served::Gone(_))));
    }
    let mut client = world.client();
    client.write_all(b"hello\n").unwrap();
    assert_eq!(said(world.serve()).1, "hello");
}

#[test]
fn too_long_a_line_is_said_and_the_client_gets_its_last_words() {
    let mut world = World::new();
    let mut client = world.client();
    client.write_all(&[b'x'; 200]).unwrap();
    let Some(Served::TooLong(id)) = world.serve() else { panic!("it is taken") };
    assert!(world.server.tell(id, b"too long"));
    world.server.dismiss(id);
    assert_eq!(world.serve(), Some(Served::Gone(id)));
    let mut word = [0; 9];
    client.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"too long\n");
}

#[test]
fn who_does_not_read_is_not_read_from_and_is_cut_off() {
    let mut world = World::new();
    let mut client = world.client();
    client.write_all(b"hello\n").unwrap();
    let (id, _) = said(world.serve());
    let line = [b'x'; 99];
    while world.server.tell(id, &line) {}
    client.write_all(b"more\n").unwrap();
    assert_eq!(world.serve(), None);
    assert!(!world.is_awake());
    world.server.cut_off(id, b"enough");
    assert_eq!(world.serve(), None);
    let mut reader = BufReader::new(client);
    let mut last = String::new();
    while last != "enough\n" {
        world.server.look();
        last.clear();
        assert!(reader.read_line(&mut last).unwrap() > 0);
        assert!(last == "enough\n" || last.len() == 100, "{last:?}");
    }
    assert_eq!(world.serve(), Some(Served::Gone(id)));
}

#[test]
fn who_is_leaving_makes_room() {
    let mut world = World::new();
    let mut clients = [world.client(), world.client(), world.client()];
    clients[1].write_all(b"hello\n").unwrap();
    let (id, _) = said(world.serve());
    while world.server.tell(id, &[b'x'; 99]) {}
    world.server.dismiss(id);
    let mut late = world.client();
    late.write_all(b"late\n").unwrap();
    assert_eq!(world.serve(), Some(Served::Gone(id)));
    assert_eq!(said(world.server.serve()).1, "late");
}

#[test]
fn a_hundred_who_come_and_go_leave_nothing() {
    let mut world = World::new();
    for _ in 0..100 {
        let mut client = world.client();
        client.write_all(b"half a li").unwrap();
        drop(client);
        world.server.look();
        while world.server.serve().is_some() {}
    }
    assert!(world.server.clients.is_empty() && !world.is_awake());
}
