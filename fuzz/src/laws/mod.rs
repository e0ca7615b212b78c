//! What holds for every command line, wherever it comes from: libFuzzer, a generator, or a list of
//! all short ones. This is the one copy; who has a command line calls [`argv()`] or [`line()`].

mod rewrite;

use std::ffi::{OsStr, OsString};
use std::iter;
use std::os::unix::ffi::OsStrExt;

use vde_args::{
    ArgError, Command, CommandLine, Given, Invocation, Item, Network, Note, Options, PORT_MAX,
    Placeholders, PlugParts, PlugSpec, Reconnect, SWITCH_PORTS_MAX, Sink, Spot, Style,
    SwitchOptions, TIMEOUT_MAX, Wait, parse,
};

/// The laws of an argv, the name vdeq is called by first.
///
/// # Panics
/// If one is broken.
pub fn argv(argv: &[OsString]) {
    lossless(argv);
    match parse(argv) {
        Err(error) => points_at_its_cause(argv, &error),
        Ok(Command::Run(run)) => {
            belongs_to_argv(argv, &run);
            own_options(argv, &run.options);
            is_left_alone_after_the_end(&run);
            match run.options.fd_placeholder {
                true => placeholders(argv, &run),
                false => network(argv, &run),
            }
        }
        Ok(Command::Serve(options)) => {
            own_options(argv, &options);
            needs_no_program(&options);
        }
        Ok(_) => {}
    }
}

/// The laws of QEMU's arguments alone, as a caller of the library may have them.
///
/// # Panics
/// If one is broken.
pub fn line(words: &[OsString], style: Style, modernize: bool) {
    lossless(words);
    let mut run = Invocation::new("qemu", CommandLine::parse(words));
    run.style = style;
    run.options.modernize = modernize;
    network(words, &run);
}

/// What is read is rendered byte for byte, and put together from its parts, too.
fn lossless(argv: &[OsString]) {
    let line = CommandLine::parse(argv);
    assert_eq!(line.render(), argv);
    assert!(line.items().flat_map(|item| words(&item)).eq(argv.iter().cloned()));
}

/// The words of an item, put together from its parts.
fn words(item: &Item<'_>) -> Vec<OsString> {
    match item {
        Item::Positional { text, .. } => vec![(*text).to_owned()],
        Item::Option(option) => {
            let mut name = OsString::from(if option.dashes == 1 { "-" } else { "--" });
            name.push(option.name);
            let value = option.value.map(OsStr::to_owned);
            iter::once(name).chain(value).collect()
        }
    }
}

/// An error names bytes that are there.
fn points_at_its_cause(argv: &[OsString], error: &ArgError) {
    let text = argv.get(error.index).map_or(&b""[..], |word| word.as_bytes());
    assert_eq!(text.get(error.span.clone()), Some(error.found.as_bytes()), "{error:?}");
    assert!(!error.to_string().is_empty());
}

/// Every word for QEMU is a word of argv, in order, and knows where it stood.
fn belongs_to_argv(argv: &[OsString], run: &Invocation<'_>) {
    assert!(!run.program.is_empty());
    let mut next = run.program_index;
    for item in run.line.items() {
        assert!(item.word() > next || (item.word(), next) == (0, 0), "out of order");
        next = item.word() + item.word_count() - 1;
        let words = argv.iter().skip(item.word()).take(item.word_count());
        assert!(words.eq(run.line.words_of(&item)));
    }
}

/// What the own options say is in range, and stands where they say.
fn own_options(argv: &[OsString], options: &Options) {
    assert!(options.mode.is_none_or(|mode| (1..=0o777).contains(&mode)));
    assert!(options.timeout.is_none_or(|time| !time.is_zero() && time <= TIMEOUT_MAX));
    let times = [
        options.reconnect.and_then(|reconnect| match reconnect {
            Reconnect::For(time) => Some(time),
            _ => None,
        }),
        options.wait.and_then(|wait| match wait {
            Wait::For(time) => Some(time),
            _ => None,
        }),
    ];
    assert!(times.into_iter().flatten().all(|time| !time.is_zero() && time <= TIMEOUT_MAX));
    files(argv, options);
    if let Some(switch) = &options.switch {
        served(argv, switch);
        assert!(!options.exec, "there is a vdeq that serves it");
    }
    for sock in &options.socks {
        let text = argv[sock.spot.index].as_bytes();
        let path = sock.path.as_ref().map_or(&b""[..], |path| path.as_bytes());
        assert_eq!(text.get(sock.spot.span.clone()), Some(path));
    }
}

/// The files and descriptors are the words that were said, and vdeq is there to see to them.
fn files(argv: &[OsString], options: &Options) {
    let said = |spot: &Spot| argv[spot.index].as_bytes().get(spot.span.clone()).expect("a word");
    if let Some(file) = &options.control {
        assert!(!file.value.is_empty() && file.value.as_bytes() == said(&file.spot));
    }
    if let Some(Given { value: Sink::Path(path), spot, .. }) = &options.events {
        assert!(!path.as_bytes().iter().all(u8::is_ascii_digit) && path.as_bytes() == said(spot));
    }
    let events = options.events.as_ref().and_then(|events| match events.value {
        Sink::Fd(fd) => Some((fd, &events.spot)),
        _ => None,
    });
    let ready = options.ready_fd.as_ref().map(|ready| (ready.value, &ready.spot));
    for (fd, spot) in [events, ready].into_iter().flatten() {
        let digits = std::str::from_utf8(said(spot)).expect("digits").trim_start_matches('0');
        assert_eq!(fd.to_string().trim_start_matches('0'), digits);
    }
    let is_watched = options.control.is_some();
    assert!(!(options.exec && (is_watched || options.events.is_some() || options.link_state)));
}

/// The switch to serve is as it was said.
fn served(argv: &[OsString], switch: &SwitchOptions) {
    let said = |spot: &Spot| argv[spot.index].as_bytes().get(spot.span.clone()).expect("a word");
    let dir = switch.dir.as_ref().map_or(&b"--switch"[..], |dir| dir.as_bytes());
    assert_eq!(dir, said(&switch.spot));
    for given in switch.group.iter().chain(&switch.management) {
        assert!(!given.value.is_empty() && given.value.as_bytes() == said(&given.spot));
    }
    assert!(switch.ports.is_none_or(|ports| (1..=SWITCH_PORTS_MAX).contains(&ports)));
}

/// Where there is no program, there is a switch, and nothing is asked of a program.
fn needs_no_program(options: &Options) {
    assert!(options.switch.is_some());
    let times = options.timeout.is_some() || options.reconnect.is_some() || options.wait.is_some();
    let files = options.control.is_some() || options.events.is_some() || !options.socks.is_empty();
    let is_about_qemu = options.modernize || options.link_state || options.qemu_version.is_some();
    assert!(!(times || files || is_about_qemu || options.exec || options.fd_placeholder));
}

/// What is left for the program is the program's: behind `--`, no own option is found in it.
fn is_left_alone_after_the_end(run: &Invocation<'_>) {
    let front = ["vdeq", "--", "qemu"].map(OsString::from);
    let argv = [&front[..], &run.line.render()].concat();
    let Ok(Command::Run(again)) = parse(&argv) else { panic!("{argv:?}") };
    assert!(again.line.words().eq(run.line.words()), "{argv:?}");
    assert!(again.options.socks.is_empty() && again.options.mode.is_none(), "{argv:?}");
}

fn network(argv: &[OsString], run: &Invocation<'_>) {
    let network = match Network::read(run) {
        Ok(network) => network,
        Err(error) => return points_at_its_cause(argv, &error),
    };
    rewritten_lines(argv, run, &network);
    // What it changes is about NICs that are named; lines without any are for the tests of vde-args.
    if !argv.iter().any(|word| word.as_bytes().windows(3).any(|part| part == b"nic")) {
        return;
    }
    let told = told_of_links(run);
    let network = Network::read(&told).expect("that is no matter of reading");
    rewritten_lines(argv, &told, &network);
    addressed(argv, run);
}

/// The same with `--mac=auto`, of a machine with a name.
fn addressed(argv: &[OsString], run: &Invocation<'_>) {
    let first = run.line.items().next().map_or(argv.len(), |item| item.word());
    let (front, back) = argv.split_at(first);
    // A line that is QEMU's alone names no program.
    let Some((program, own)) = front.split_at_checked(run.program_index + 1) else { return };
    let words = |text: &[&str]| text.iter().map(OsString::from).collect::<Vec<_>>();
    let (auto, name) = (words(&["--mac=auto"]), words(&["-name", "web"]));
    let argv = [program, &auto, own, &name, back].concat();
    // A `--`, and what is meant for an old QEMU or for none, may say no to that.
    let Ok(Command::Run(run)) = parse(&argv) else { return };
    let Ok(network) = Network::read(&run) else { return };
    rewritten_lines(&argv, &run, &network);
    let is_told = network.notes().iter().any(|note| matches!(note, Note::NoAddress { .. }));
    assert!(!is_told || run.options.auto_mac.is_none(), "a NIC without an address: {argv:?}");
}

/// The same with `--link-state`.
fn told_of_links<'a>(run: &Invocation<'a>) -> Invocation<'a> {
    let mut told = run.clone();
    told.options.link_state = true;
    told
}

fn rewritten_lines(argv: &[OsString], run: &Invocation<'_>, network: &Network<'_>) {
    plugs(argv, network.plugs());
    assert!(network.notes().iter().all(|note| !note.to_string().is_empty()));
    let fds = descriptors(argv, network.plugs().len());
    let macs = network.macs();
    assert_eq!(macs.len(), fds.len());
    assert!(macs.into_iter().flatten().all(|mac| mac[0] & 1 == 0 && mac != [0; 6]));
    for version in rewrite::VERSIONS {
        let names = network.link_names(version);
        assert_eq!(names.len(), fds.len());
        if run.options.link_state {
            assert_eq!(network.on_hubs(version).len(), fds.len());
        }
        match network.rewrite(version, &fds) {
            Ok(rewritten) => {
                rewrite::check(version, run, &fds, &rewritten);
                rewrite::names_are_of_plugs(&fds, &names, &rewritten);
            }
            Err(error) => {
                points_at_its_cause(argv, &error);
                assert!(!rewrite::has_vlan(version), "only a vlan= that is gone can be wrong now");
            }
        }
    }
}

/// A program that is no QEMU: all but the placeholders stays.
fn placeholders(argv: &[OsString], run: &Invocation<'_>) {
    let found = match Placeholders::read(run) {
        Ok(found) => found,
        Err(error) => return points_at_its_cause(argv, &error),
    };
    plugs(argv, found.plugs());
    let fds = descriptors(argv, found.plugs().len());
    let rewritten = found.rewrite(&fds).expect("as many descriptors as plugs");
    assert_eq!(rewritten.args.len(), run.line.words().count());
    rewrite::each_once(&fds, &rewritten.args);
    for (before, after) in run.line.words().zip(&rewritten.args) {
        let is_ours = rewritten.changes.iter().any(|change| change.after == [after.clone()]);
        assert!(before == after || is_ours, "{before:?} became {after:?}");
    }
}

/// What plugs ask for is in range, and was said where they say.
fn plugs(argv: &[OsString], plugs: &[PlugSpec]) {
    for plug in plugs {
        let PlugParts { sock, port, group, mode, .. } = &plug.parts;
        for spot in [&plug.spot, sock, port, group, mode].into_iter().flatten() {
            assert!(argv[spot.index].as_bytes().get(spot.span.clone()).is_some());
        }
        assert!(plug.port.is_none_or(|port| (1..=PORT_MAX).contains(&port)));
        assert!(plug.mode.is_none_or(|mode| mode != 0));
        assert!(plug.sock.as_ref().is_none_or(|sock| !sock.is_empty()));
    }
}

/// Numbers of eight digits of which nothing in `argv` makes one.
fn descriptors(argv: &[OsString], count: usize) -> Vec<i32> {
    let is_in = |word: &OsString, text: &str| {
        word.as_bytes().windows(text.len()).any(|window| window == text.as_bytes())
    };
    let mut bases = (1_000..10_000_i32).map(|base| (base, base.to_string()));
    let base = bases.find(|(_, text)| !argv.iter().any(|word| is_in(word, text)));
    let base = base.expect("a line of less than 36 KB").0 * 10_000;
    assert!(count < 10_000, "a line of less than 40 KB");
    (base..).take(count).collect()
}
