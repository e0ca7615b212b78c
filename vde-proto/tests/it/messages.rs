//! What errors say: one clear sentence each, with what was read in it.

use std::error::Error;
use std::time::Duration;

use vde_proto::wire::MacAddrError;
use vde_proto::{
    AddressError, DataFailure, DialFailure, MacAddr, PlugError, PortRequest, ReplyError,
    RequestError, SocketPathError, Vnl,
};

use crate::world::{number, path};

#[test]
fn a_failed_plug_says_what_the_switch_did() {
    let said = |error: PlugError| error.to_string();
    for (error, text) in [
        (DialFailure::Absent, "there is no switch at that path"),
        (DialFailure::NotASocketDir, "that path is not the directory of a switch"),
        (DialFailure::Denied, "permission to connect to the switch was denied"),
        (DialFailure::Dead, "the switch of that path is not running"),
        (DialFailure::Busy, "the switch takes no more callers for now"),
        (DialFailure::Stranger, "the switch there now belongs to somebody else"),
        (DialFailure::OutOfReach, "the user of the switch cannot reach our data socket"),
        (DialFailure::Other(5), "connecting to the switch failed (errno 5)"),
    ] {
        assert_eq!(said(PlugError::Dial(error)), text);
        assert_eq!(error.to_string(), text);
    }
    for (error, text) in [
        (DataFailure::Gone, "the data socket named by the switch is gone"),
        (DataFailure::Denied, "permission to connect to the data socket of the switch was denied"),
        (DataFailure::Foreign, "the data socket named by the switch is not its own"),
        (DataFailure::Other(5), "connecting to the data socket of the switch failed (errno 5)"),
    ] {
        assert_eq!(said(PlugError::Data(error)), text);
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(
        said(PlugError::Refused),
        "the switch refused: it closed the connection without an answer"
    );
    assert_eq!(
        said(PlugError::NoAnswer { waited: Duration::from_secs(5) }),
        "the switch did not answer within 5.0 s"
    );
    assert_eq!(said(PlugError::HungUp), "the switch answered, then closed the connection at once");
}

#[test]
fn a_bad_reply_says_what_is_bad_about_it_and_is_the_source_of_its_plug_error() {
    for (error, text) in [
        (ReplyError::Length { got: 3 }, "the reply has 3 bytes instead of 110"),
        (ReplyError::Family(9), "the address in the reply has family 9 instead of 1 (AF_UNIX)"),
        (ReplyError::Empty, "the path in the reply is empty"),
        (ReplyError::Unterminated, "the path in the reply has no end"),
        (ReplyError::Relative(path("a/b")), "the path in the reply, a/b, is not absolute"),
    ] {
        assert_eq!(error.to_string(), text);
        let error = PlugError::BadReply(error);
        assert_eq!(error.to_string(), format!("the answer of the switch makes no sense: {text}"));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some(text));
    }
    assert!(PlugError::Refused.source().is_none());
}

#[test]
fn a_bad_request_says_what_was_read_and_what_was_expected() {
    for (error, text) in [
        (
            RequestError::Truncated { got: 60, need: 122 },
            "the request has 60 bytes, but needs at least 122",
        ),
        (RequestError::TooLong { got: 257 }, "the request has 257 bytes, more than 256"),
        (RequestError::Magic(0xcefa), "the request starts with 0x0000cefa instead of 0xfeedface"),
        (RequestError::Version(2), "the request has unknown version 2"),
        (RequestError::Type(2), "the request has unknown type 2"),
    ] {
        assert_eq!(error.to_string(), text);
        assert!(error.source().is_none());
    }
    for (error, text) in [
        (AddressError::Family(0), "the socket address has family 0 instead of 1 (AF_UNIX)"),
        (
            AddressError::Unterminated,
            "the path of the socket address fills 108 bytes without a NUL",
        ),
    ] {
        let outer = RequestError::Address(error);
        assert_eq!(outer.to_string(), format!("the request cannot be answered: {text}"));
        assert_eq!(outer.source().map(ToString::to_string).as_deref(), Some(text));
    }
}

#[test]
fn a_bad_path_or_address_says_what_would_be_good() {
    assert_eq!(SocketPathError::Empty.to_string(), "the socket path is empty");
    assert_eq!(SocketPathError::Nul { at: 3 }.to_string(), "the socket path has a NUL at byte 3");
    assert_eq!(
        SocketPathError::TooLong { len: 108 }.to_string(),
        "the socket path has 108 bytes, but a socket address holds at most 107"
    );
    assert_eq!(
        MacAddrError.to_string(),
        "a MAC address is six bytes in hexadecimal, separated by colons"
    );
    assert_eq!("1:2".parse::<MacAddr>(), Err(MacAddrError));
}

#[test]
fn a_bad_name_of_a_network_says_what_is_bad_and_where() {
    for (name, text) in [
        (
            "vxvde://x",
            "\"vxvde://\" is no network that is known here, only \"vde://\" is (bytes 0 to 8)",
        ),
        ("1->h:2", "\"->\" would be a connection by UDP, not a switch (bytes 1 to 3)"),
        ("a%00", "the name of a network cannot hold a NUL (bytes 1 to 4)"),
        ("a'b", "the quotation is not closed (bytes 1 to 3)"),
        ("a\\", "the backslash quotes nothing (bytes 1 to 2)"),
        ("a[3", "\"[\" is not closed by \"]\" (bytes 1 to 3)"),
        ("a[3]b", "nothing may follow \"]\" (bytes 4 to 5)"),
        ("a[x=3]", "the key is none of port, group and mode (bytes 2 to 5)"),
        ("a[mode]", "\"mode\" needs a value (bytes 2 to 6)"),
        ("a[1/2]", "\"port\" is given twice (bytes 4 to 5)"),
        ("a[lan]", "a port is a number; port groups do not exist here (bytes 2 to 5)"),
        ("a[3x]", "a port is a number in decimal digits (bytes 2 to 4)"),
        ("a[8388608]", "a port is at most 8388607 (bytes 2 to 9)"),
        ("a[mode=9]", "a mode is an octal number up to 777 (bytes 7 to 8)"),
    ] {
        assert_eq!(Vnl::parse(name.as_bytes()).unwrap_err().to_string(), text);
    }
}

#[test]
fn a_port_request_reads_like_one() {
    let said = [PortRequest::Any, number(3), PortRequest::Zero].map(|port| port.to_string());
    assert_eq!(said, ["any port", "port 3", "port 0"]);
}
