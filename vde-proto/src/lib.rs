#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod console;
pub mod plug;
pub mod switch;
pub mod wire;

pub use plug::{DataFailure, DialFailure, Plug, PlugConfig, PlugError};
pub use wire::{
    AbstractName, AddressError, ClientAddress, Description, MacAddr, PortNumber, PortRequest,
    RawDescription, Reply, ReplyError, Request, RequestError, SocketPath, SocketPathError, Version,
    Vnl, VnlError, VnlErrorKind, frame, rarp,
};
