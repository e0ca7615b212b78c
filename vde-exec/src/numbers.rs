//! The numbers of the descriptors that a program is given.
//!
//! A command line names descriptors by number, so whoever shows the line beforehand has to know
//! them. They count from [`FIRST`], where a shell's redirections and what a program opens for itself
//! rarely come.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use crate::connection::Connection;
use crate::sys::duplicate_from;

/// The first number.
const FIRST: RawFd = 100;

/// Gives the data sockets their numbers. One that cannot have such a number (`ulimit -n` may be
/// lower) keeps the one it has.
pub fn number(connections: &mut [Connection]) {
    for connection in connections {
        if let Ok(data) = duplicate_from(connection.data.as_fd(), FIRST) {
            connection.data = data;
        }
    }
}

/// The same for another descriptor that a program is going to be given.
#[must_use]
pub fn number_one(fd: OwnedFd) -> OwnedFd {
    duplicate_from(fd.as_fd(), FIRST).unwrap_or(fd)
}

/// The numbers that [`number`] and [`number_one`] would give to `count` descriptors of this process.
///
/// # Errors
/// There is no `/dev/null`, or there are too many.
pub fn foresee_numbers(count: usize) -> io::Result<Vec<RawFd>> {
    let null = File::open("/dev/null")?;
    let held: io::Result<Vec<OwnedFd>> =
        (0..count).map(|_| Ok(duplicate_from(null.as_fd(), FIRST)?)).collect();
    Ok(held?.iter().map(AsRawFd::as_raw_fd).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_distinct_and_above_those_of_the_shell() {
        let numbers = foresee_numbers(3).unwrap();
        assert!(numbers.iter().all(|number| *number >= FIRST), "{numbers:?}");
        assert!(numbers.is_sorted() && numbers[0] < numbers[1] && numbers[1] < numbers[2]);
        assert_eq!(foresee_numbers(0).unwrap(), [0; 0]);
    }
}
