//! The usage help: what `vdeq --help` and `vdeq --help=all` print.

use vde_args::{OWN_OPTIONS, OwnOption, OwnValue, PLUG_WORDS, RELAY_WORDS, Word};

/// What a terminal of 80 columns and 24 lines shows at once: what it is, and what most people need.
pub(crate) const PAGE: &str = "\
vdeq: start a QEMU/KVM virtual machine on a VDE network

usage:
  vdeq [OPTIONS] QEMU [--mod MODE] QEMU_OPTIONS -net vde[,sock=SWITCH][,port=N]
  vdeq [OPTIONS] QEMU [-sock SWITCH[,SWITCH...]] QEMU_OPTIONS      (old syntax)
  vdeq --switch[=DIR] [OPTIONS]                             (a switch alone)
  vdeq --doctor [SWITCH...]                      (what is wrong here, and why)

  Also -netdev vde,id=ID,... and -nic vde,...  Without sock= it is the default
  switch, without port= its first free port, without a network one NIC.
  A link vde{QEMU} starts that QEMU: vdeqemu, vdekvm; vdeoq one older than 0.8.

options, before the QEMU command or first after it:
  --switch[=DIR]       serve a switch, too, for this machine and others
  --wait[=SECONDS]     wait for a switch that is not there yet
  --relay WHAT         capture, count or impair frames: pcap=FILE, loss=1%, ...
  --control PATH       answer questions and orders on this socket
  --exec               become QEMU instead of staying beside it
  --dry-run            print the command that would run
  --explain            print what becomes of each argument, and why
  -v, --verbose        say what is done
  --help=all           every option; vdeq(1) has everything
exit status: that of the machine; 125 vdeq failed, 126 and 127 QEMU not started
";

/// The column at which explanations begin.
const LEFT: usize = 23;

/// The column at which lines end.
const RIGHT: usize = 96;

/// Every option, and every word of the lists that are vdeq's.
pub(crate) fn all() -> String {
    let mut text = String::from(
        "\
usage:
  vdeq [OPTIONS] QEMU [--mod MODE] QEMU_OPTIONS -net vde[,vlan=N][,sock=SWITCH][,port=N]
  vdeq [OPTIONS] QEMU [--mod MODE] [-sock SWITCH[,SWITCH...]] QEMU_OPTIONS
  vde{QEMU} ...        a link to vdeq: vdeqemu, vdekvm, vdeqemu-system-x86_64
  vdeoq, vdeo{QEMU}    the same for a QEMU older than 0.8 (-tun-fd), one NIC a switch
  vdeq --switch[=DIR] [OPTIONS]
                       a switch alone, until SIGTERM, SIGINT or SIGHUP
  vdeq --doctor[=json] [SWITCH...]
                       what is wrong with this machine

QEMU is the command that starts the virtual machine. `qemu` and `kvm` also mean the
qemu-system-* of this machine where there is no program of that name.

options, before the QEMU command or first after it (--mod and -sock: anywhere):
",
    );
    for option in OWN_OPTIONS {
        row(&mut text, &head(option), option.about);
    }
    text.push_str(
        "\nnetworks, among the QEMU options: -net vde,..., -netdev vde,id=ID,..., -nic vde,...\n",
    );
    row(
        &mut text,
        "vlan=N",
        "QEMU's own \"vlan\" N, not one of 802.1Q, in -net only; 0 if it is not given.",
    );
    PLUG_WORDS.iter().for_each(|word| row(&mut text, &word_head(word), word.about));
    text.push_str("\nFEATURES of --relay:\n");
    RELAY_WORDS.iter().for_each(|word| row(&mut text, &word_head(word), word.about));
    text.push_str(
        "
The default switch is ~/.vdeplug/default, ~/.vde2/default.switch, ~/.vde2/stdsock,
/var/run/vde.ctl or /tmp/vde.ctl, whichever exists first. Without any network in the QEMU
options the virtual machine gets one NIC on it. The exit status is the virtual machine's;
125 if vdeq failed, 126 if QEMU cannot be executed, 127 if it was not found.
The variable VDEQ_OPTIONS holds options that stand before those of the command line, and
VDEQ_LOG says how much is said: error, info, debug or trace.
",
    );
    text
}

/// Every spelling, the last with what it takes.
fn head(option: &OwnOption) -> String {
    let spellings = option.spellings.join(", ");
    match option.value {
        OwnValue::Required(value) => format!("{spellings} {value}"),
        // It is what the first spelling takes: the others have one dash.
        OwnValue::Optional(value) => match option.spellings {
            [first, rest @ ..] => {
                let first = format!("{first}[={value}]");
                [&[first.as_str()], rest].concat().join(", ")
            }
            [] => String::new(),
        },
        _ => spellings,
    }
}

fn word_head(word: &Word) -> String {
    match word.value {
        "" => word.name.to_owned(),
        value => format!("{}={value}", word.name),
    }
}

/// Adds what a head means, in lines that are short enough, beside it if there is room.
fn row(text: &mut String, head: &str, about: &str) {
    let mut lead = format!("  {head}");
    if lead.chars().count() + 2 > LEFT {
        text.push_str(&lead);
        text.push('\n');
        lead.clear();
    }
    // Each word brings the blank before it.
    let margin = LEFT - 1;
    let mut line = format!("{lead:margin$}");
    for word in about.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > RIGHT {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(margin);
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_fits_a_terminal() {
        assert!(PAGE.lines().count() < 24, "a prompt follows: {}", PAGE.lines().count());
        for line in PAGE.lines() {
            assert!(line.chars().count() < 80, "{line}");
        }
    }

    #[test]
    fn lines_of_all_are_short_and_explanations_begin_in_one_column() {
        let text = all();
        assert!(text.lines().all(|line| line.chars().count() <= RIGHT));
        let wait = "  --wait[=SECONDS]     Wait for a switch that is not there yet;";
        assert!(text.lines().any(|line| line.starts_with(wait)), "{text}");
    }
}
