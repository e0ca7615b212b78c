//! What is written is read back by somebody else's reader.

use super::*;
use pcap_parser::pcapng::Block;
use pcap_parser::{OptionCode, PcapBlockOwned, PcapNGOption, PcapNGSlice};
use proptest::prelude::*;

/// Reads every block of a file.
fn each(file: &[u8], mut look: impl FnMut(&Block<'_>)) {
    for block in PcapNGSlice::from_slice(file).expect("a section header") {
        let PcapBlockOwned::NG(block) = block.expect("a whole block") else { panic!("not pcapng") };
        look(&block);
    }
}

fn option<'a>(options: &'a [PcapNGOption<'_>], code: u16) -> Option<&'a [u8]> {
    let option = options.iter().find(|option| option.code == OptionCode(code))?;
    Some(&option.value()[..usize::from(option.len)])
}

fn nanos(high: u32, low: u32) -> Duration {
    Duration::from_nanos(u64::from(high) << 32 | u64::from(low))
}

#[test]
fn a_section_begins_with_who_wrote_it_and_the_one_interface() {
    let mut file = Vec::new();
    begin(&mut file, "vdeq 1", "net0", "vde:///run/vde.ctl");
    let mut kinds = Vec::new();
    each(&file, |block| match block {
        Block::SectionHeader(header) => {
            assert_eq!(
                (header.major_version, header.minor_version, header.section_len),
                (1, 0, -1)
            );
            assert_eq!(option(&header.options, SHB_USERAPPL), Some(&b"vdeq 1"[..]));
            kinds.push("section");
        }
        Block::InterfaceDescription(interface) => {
            assert_eq!((interface.linktype.0, interface.snaplen), (1, 0));
            assert_eq!(interface.if_name(), Some(Ok("net0")));
            assert_eq!(interface.if_description(), Some(Ok("vde:///run/vde.ctl")));
            assert_eq!(interface.ts_resolution(), Some(1_000_000_000));
            kinds.push("interface");
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(kinds, ["section", "interface"]);
}

#[test]
fn it_ends_with_what_there_was_and_what_is_missing() {
    let mut file = Vec::new();
    begin(&mut file, "", "", "");
    let [began, ended] = [1_700_000_000_123_456_789, 1_700_000_060_000_000_001];
    let [began, ended] = [began, ended].map(Duration::from_nanos);
    end(&mut file, &Statistics { began, ended, seen: 7, dropped: 1 << 40 });
    let mut last = None;
    each(&file, |block| {
        let Block::InterfaceStatistics(block) = block else { return };
        for (time, expected) in [(block.isb_starttime(), began), (block.isb_endtime(), ended)] {
            let (high, low) = time.unwrap().unwrap();
            assert_eq!(nanos(high, low), expected);
        }
        assert_eq!(nanos(block.ts_high, block.ts_low), ended);
        last = Some((block.isb_ifrecv(), block.isb_osdrop()));
    });
    assert_eq!(last, Some((Some(Ok(7)), Some(Ok(1 << 40)))));
}

#[test]
fn a_text_that_is_too_long_is_cut_between_two_characters() {
    let mut file = Vec::new();
    begin(&mut file, "", "", &"\u{20ac}".repeat(30_000));
    each(&file, |block| {
        let Block::InterfaceDescription(interface) = block else { return };
        let text = interface.if_description().unwrap().unwrap();
        assert_eq!(text, "\u{20ac}".repeat(MAX_TEXT / 3));
    });
}

proptest! {
    #[test]
    fn a_frame_survives_the_way_through_a_file(
        nanos_since_1970: u64, is_inbound: bool, dropped in prop_oneof![Just(0), any::<u64>()],
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5),
    ) {
        let direction = if is_inbound { Direction::ToVm } else { Direction::FromVm };
        let time = Duration::from_nanos(nanos_since_1970);
        let mut file = Vec::new();
        begin(&mut file, "test", "net0", "");
        for frame in &frames {
            let before = file.len();
            packet(&mut file, &Packet { time, direction, frame, dropped });
            prop_assert!(file.len() - before <= frame.len() + PACKET_OVERHEAD);
        }
        let mut read = Vec::new();
        each(&file, |block| {
            let Block::EnhancedPacket(block) = block else { return };
            assert_eq!((block.if_id, nanos(block.ts_high, block.ts_low)), (0, time));
            assert_eq!(block.caplen, block.origlen);
            let flags = if is_inbound { 1u32 } else { 2 };
            assert_eq!(option(&block.options, EPB_FLAGS), Some(&flags.to_ne_bytes()[..]));
            let missing = (dropped > 0).then(|| dropped.to_ne_bytes().to_vec());
            assert_eq!(option(&block.options, EPB_DROPCOUNT), missing.as_deref());
            read.push(block.data[..block.caplen as usize].to_vec());
        });
        prop_assert_eq!(read, frames);
    }
}
