//! The only unsafe code: forking, what a child does between fork and exec, signal dispositions,
//! descriptors that a system call returns as numbers, the address that is none, the size of a terminal,
//! and many datagrams in one system call.
#![allow(unsafe_code, reason = "system calls that the standard library has no safe form for")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, pthread_sigmask, signal};
use nix::unistd::{ForkResult, Pid};

/// Lets the program that `command` starts inherit `fds`, under the same numbers, and gives it the
/// signal mask `mask`. Everything else stays close-on-exec.
///
/// This is the one place where a descriptor is opted into inheritance. The caller keeps `fds` open
/// until the program has been started.
pub(crate) fn inherit(command: &mut Command, fds: Vec<RawFd>, mask: SigSet) {
    let prepare = move || -> io::Result<()> {
        for &fd in &fds {
            // SAFETY: the caller keeps the descriptor open until the program has been started, and
            // this runs before that.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&mask), None)?;
        Ok(())
    };
    // SAFETY: `prepare` calls nothing but fcntl(2) and sigprocmask(2), which are async-signal-safe,
    // and neither allocates nor takes a lock.
    unsafe { command.pre_exec(prepare) };
}

/// Makes every descriptor of this process from `least` on close-on-exec.
#[cfg(feature = "testkit")]
pub(crate) fn close_on_exec_from(least: libc::c_uint) -> nix::Result<()> {
    let (most, flags) = (libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: with this flag close_range(2) closes nothing, and no memory is passed.
    let result = unsafe { libc::syscall(libc::SYS_close_range, least, most, flags) };
    Errno::result(result).map(drop)
}

/// Has the program that `command` starts killed when this process ends, however that ends.
pub(crate) fn die_with_parent(command: &mut Command) {
    let prepare = || Ok(set_pdeathsig(Signal::SIGKILL)?);
    // SAFETY: `prepare` calls nothing but prctl(2), which is async-signal-safe.
    unsafe { command.pre_exec(prepare) };
}

/// Which process one is after [`fork`].
pub(crate) enum Fork {
    /// The one that was there before; this is its child.
    Parent(Pid),
    /// The new one.
    Child,
}

/// Splits this process, which must have no other thread, in two.
pub(crate) fn fork() -> nix::Result<Fork> {
    // SAFETY: the caller has seen that there is one thread, so no lock is held by another that the
    // child would wait for in vain, and whatever the child calls works as in the parent.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Fork::Parent(child)),
        ForkResult::Child => Ok(Fork::Child),
    }
}

/// Gives `which` its default disposition, so that raising it has the effect that it is known for.
pub(crate) fn reset_to_default(which: Signal) -> nix::Result<()> {
    // SAFETY: no handler of ours is replaced that anything relies on; `SIG_DFL` runs no code.
    unsafe { signal(which, SigHandler::SigDfl) }.map(drop)
}

/// Takes over a descriptor that this process was started with. It is close-on-exec from now on; of the
/// standard streams, which stay the program's to use and to inherit, it is a duplicate.
///
/// The caller makes sure that the number is nobody else's in this process: it is asked for once, before
/// anything else is opened.
pub(crate) fn take_over(number: RawFd) -> nix::Result<OwnedFd> {
    if number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: it is not negative; if it is not open, the next call says so, and it is not used again.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    if number <= 2 {
        return duplicate_from(fd, 3);
    }
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // SAFETY: it is open, and by the caller's word nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Duplicates `fd`, close-on-exec, under the first free number that is not below `least`.
pub(crate) fn duplicate_from(fd: BorrowedFd<'_>, least: RawFd) -> nix::Result<OwnedFd> {
    let number = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(least))?;
    // SAFETY: the kernel has just opened this descriptor for us, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// How many columns a terminal has; `None` of what is none.
pub(crate) fn columns(terminal: BorrowedFd<'_>) -> Option<u16> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open, and the kernel writes one `winsize` there (ioctl_tty(2)).
    let result = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (result == 0).then_some(size.ws_col)
}

/// Dissolves the association of a datagram socket: it is connected to nobody, and anybody may connect
/// to it (connect(2), `AF_UNSPEC`).
pub(crate) fn dissolve(socket: BorrowedFd<'_>) -> nix::Result<()> {
    /// `AF_UNSPEC`, and nothing that would be looked at.
    const NOBODY: libc::sockaddr = libc::sockaddr { sa_family: 0, sa_data: [0; 14] };
    /// Its length in bytes.
    const LENGTH: libc::socklen_t = 16;
    const _: () = assert!(libc::AF_UNSPEC == 0 && size_of::<libc::sockaddr>() == 16);
    let nobody = NOBODY;
    // SAFETY: the address is a live local of the length that is told, and the kernel only reads it.
    let result = unsafe { libc::connect(socket.as_raw_fd(), &raw const nobody, LENGTH) };
    Errno::result(result).map(drop)
}

/// Receives and sends several datagrams in one system call, without ever waiting.
///
/// (nix's `recvmmsg` asks for the senders' addresses, which nobody here reads, and its headers for no
/// address are wrong from the second call on.)
pub(crate) struct Messages {
    headers: Vec<libc::mmsghdr>,
    pieces: Vec<libc::iovec>,
}

impl Messages {
    /// For at most `most` datagrams in a call.
    pub(crate) fn new(most: usize) -> Self {
        // SAFETY: these are C structures of integers and pointers, for which zeros are valid values.
        let header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        let piece = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        Self { headers: vec![header; most], pieces: vec![piece; most] }
    }

    /// Receives one datagram into each of `slots`, as long as there are some, and puts their lengths,
    /// also of those that are longer than a slot, into `lengths`; returns how many there were.
    pub(crate) fn receive<const SIZE: usize>(
        &mut self,
        socket: BorrowedFd<'_>,
        slots: &mut [[u8; SIZE]],
        lengths: &mut [usize],
    ) -> nix::Result<usize> {
        let count = self.point_at(slots.iter_mut().map(|slot| (slot.as_mut_ptr(), slot.len())));
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
        // SAFETY: the first `count` headers point at the first `count` pieces, and these at slots, which
        // are borrowed for us alone until this function returns.
        let result = unsafe {
            let headers = self.headers.as_mut_ptr();
            libc::recvmmsg(socket.as_raw_fd(), headers, count, flags as _, std::ptr::null_mut())
        };
        let received = usize::try_from(Errno::result(result)?).unwrap_or_default();
        for (length, header) in lengths.iter_mut().zip(self.headers.iter().take(received)) {
            *length = usize::try_from(header.msg_len).unwrap_or_default();
        }
        Ok(received)
    }

    /// Sends each of `frames` as a datagram, as long as there is room; returns how many were taken. It
    /// is an error only if the first was not.
    pub(crate) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        frames: impl Iterator<Item = &'a [u8]>,
    ) -> nix::Result<usize> {
        // The kernel only reads.
        let count = self.point_at(frames.map(|frame| (frame.as_ptr().cast_mut(), frame.len())));
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: the first `count` headers point at the first `count` pieces, and these at frames,
        // which are borrowed until this function returns.
        let result = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), count, flags as _)
        };
        Ok(usize::try_from(Errno::result(result)?).unwrap_or_default())
    }

    /// Makes each header stand for one of these pieces of memory; returns how many do.
    fn point_at(&mut self, memory: impl Iterator<Item = (*mut u8, usize)>) -> u32 {
        let mut count = 0;
        let headers = self.headers.iter_mut().zip(&mut self.pieces);
        for ((header, piece), (base, length)) in headers.zip(memory) {
            *piece = libc::iovec { iov_base: base.cast(), iov_len: length };
            header.msg_len = 0;
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            count += 1;
        }
        count
    }
}
