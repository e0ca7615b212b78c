//! Messages of the real programs (see `tests/golden/README.md`).
#![cfg(target_endian = "little")]

use vde_proto::{
    ClientAddress, Description, MacAddr, PortNumber, PortRequest, Reply, Request, Version,
};

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../golden/", $name, ".bin"))
    };
}

fn number(port: u32) -> PortRequest {
    PortRequest::Number(PortNumber::new(port).unwrap())
}

/// Reads a request that must come out as it went in.
fn request(bytes: &[u8]) -> Request {
    let request = Request::parse(bytes).unwrap();
    assert_eq!(request.emit(), bytes);
    request
}

fn description(request: &Request) -> Description {
    request.description.sanitised()
}

fn path(request: &Request) -> String {
    match &request.address {
        ClientAddress::Path(path) => path.to_string(),
        other => panic!("{other} is not a path"),
    }
}

#[test]
fn every_request_of_vde_plug_is_read_and_written_alike() {
    for (bytes, port) in [
        (&golden!("request-vde_plug-plain")[..], PortRequest::Any),
        (golden!("request-vde_plug-port3"), number(3)),
        (golden!("request-vde_plug-port0"), PortRequest::Zero),
    ] {
        let request = request(bytes);
        assert_eq!((request.version, request.port, request.mac), (Version::V3, port, None));
        assert!(description(&request).as_str().starts_with("vdeplug: user=root pid="));
    }
}

#[test]
fn the_custom_of_naming_the_client_socket_is_as_documented() {
    let path = path(&request(golden!("request-vde_plug-plain")));
    let name = path.rsplit_once("/.").expect("a hidden file").1;
    let (pid, counter) = name.split_once('-').expect("a dash");
    assert!(pid.len() == 5 && pid.bytes().all(|byte| byte.is_ascii_digit()), "{pid}");
    assert_eq!(counter, "00000");
}

#[test]
fn a_long_description_of_vde_plug_was_cut_at_127_bytes() {
    let request = request(golden!("request-vde_plug-long-description"));
    assert_eq!(request.description.as_bytes(), [b'd'; Description::MAX_LEN]);
}

#[test]
fn an_ssh_session_shows_in_the_description_of_vde_plug() {
    let request = request(golden!("request-vde_plug-ssh"));
    assert!(description(&request).as_str().ends_with(" SSH=192.0.2.7"));
}

#[test]
fn the_request_of_the_c_vdeq_is_read_and_written_alike() {
    let request = request(golden!("request-vdeq"));
    assert_eq!(request.port, PortRequest::Any);
    assert!(description(&request).as_str().starts_with("vdeqemu user=root pid="));
}

#[test]
fn the_requests_that_vde_switch_granted_are_the_ones_we_would_send() {
    for (bytes, port, text) in [
        (&golden!("asked-auto")[..], PortRequest::Any, "golden: auto"),
        (golden!("asked-port3"), number(3), "golden: port 3"),
        (golden!("asked-port0"), PortRequest::Zero, "golden: port 0"),
    ] {
        let address = request(bytes).address;
        let ours = Request::new(port, address, Description::sanitised(text));
        assert_eq!(ours.emit(), bytes);
    }
    let bytes = golden!("asked-v1");
    let mac = MacAddr::new([0x52, 0x54, 0x00, 0x12, 0x34, 0x56]);
    let address = request(bytes).address;
    let ours = Request::version_1(false, mac, address, Description::sanitised("golden: v1"));
    assert_eq!(ours.emit(), bytes);
}

#[test]
fn every_reply_of_vde_switch_is_read_and_written_alike() {
    for (bytes, port) in [
        (golden!("reply-auto"), "001"),
        (golden!("reply-port3"), "003"),
        (golden!("reply-port0"), "000"),
        (golden!("reply-v1"), "001"),
    ] {
        let reply = Reply::parse(bytes).unwrap();
        assert_eq!(&reply.emit(), bytes);
        let path = reply.path.to_string();
        let name = path.rsplit_once("/switch/").expect("in the directory of the switch").1;
        let (number, file) = name.split_once('.').expect("PPP.F");
        assert_eq!(number, port);
        assert!(file.bytes().all(|byte| byte.is_ascii_digit()), "{file}");
    }
}
