//! An initramfs: the cpio archive ("newc", initramfs buffer format of the kernel's documentation)
//! that a kernel unpacks into its first root. Written here so that device nodes need no root and
//! the bytes do not depend on the machine.
//!
//! ```text
//! 070701 INODE MODE UID GID NLINK MTIME SIZE MAJ MIN RMAJ RMIN NAMELEN CHECK | name NUL pad4 | data pad4
//! ^6     ^ thirteen fields of 8 hexadecimal digits: 110 bytes with the magic
//! ```

const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive in the making. Names are relative to the root; a directory comes before what is in
/// it.
#[derive(Debug, Default)]
pub(crate) struct Initramfs {
    bytes: Vec<u8>,
    entries: u32,
}

impl Initramfs {
    pub(crate) fn directory(&mut self, name: &str) {
        self.entry(name, DIRECTORY | 0o755, &[], (0, 0));
    }

    pub(crate) fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entry(name, FILE | mode, content, (0, 0));
    }

    pub(crate) fn symlink(&mut self, name: &str, target: &str) {
        self.entry(name, SYMLINK | 0o777, target.as_bytes(), (0, 0));
    }

    pub(crate) fn character_device(&mut self, name: &str, number: (u32, u32)) {
        self.entry(name, CHARACTER_DEVICE | 0o600, &[], number);
    }

    /// The finished archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[], (0, 0));
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8], device: (u32, u32)) {
        self.entries += 1;
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        let (inode, links) = (self.entries, 1);
        self.bytes.extend(b"070701");
        for field in [inode, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1, name_size, 0] {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_layout_that_the_kernel_documents() {
        let mut archive = Initramfs::default();
        archive.file("init", 0o755, b"hello");
        let bytes = archive.finish();
        let expected = concat!(
            "070701", "00000001", "000081ed", "00000000", "00000000", "00000001", "00000000",
            "00000005", "00000000", "00000000", "00000000", "00000000", "00000005", "00000000",
            "init\0", "\0", "hello", "\0\0\0",
        );
        assert_eq!(String::from_utf8_lossy(&bytes[..expected.len()]), expected);
        assert!(bytes[expected.len()..].starts_with(b"070701"));
        assert!(bytes.windows(11).any(|window| window == b"TRAILER!!!\0"));
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn kinds_of_entries_are_told_apart_by_their_mode() {
        let mut archive = Initramfs::default();
        archive.directory("dev");
        archive.character_device("dev/console", (5, 1));
        archive.symlink("bin", "dev");
        let text = String::from_utf8(archive.finish()).unwrap();
        let modes: Vec<_> =
            text.match_indices("070701").map(|(at, _)| &text[at + 14..at + 22]).collect();
        assert_eq!(modes, ["000041ed", "00002180", "0000a1ff", "00000000"]);
        let console = text.match_indices("070701").nth(1).unwrap().0;
        assert_eq!(&text[console + 78..console + 94], "0000000500000001");
    }
}
