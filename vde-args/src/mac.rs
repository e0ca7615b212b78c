//! Hardware addresses: how one is written, and one of its own for each NIC of each VM.

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// Six numbers of one or two hexadecimal digits, with `:` or `-` between them. What else `-net nic`
/// takes for an address, such as a plain number, is not told from a slip.
pub(crate) fn read_mac(text: &[u8]) -> Option<Mac> {
    let mut mac = Mac::default();
    let mut parts = text.split(|byte| b":-".contains(byte));
    for byte in &mut mac {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        for digit in part {
            let digit =
                char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())?;
            *byte = *byte << 4 | digit;
        }
    }
    parts.next().is_none().then_some(mac)
}

/// Whether a NIC can have this address: not of a group, and not the one that stands for none.
pub(crate) fn is_a_nics(mac: Mac) -> bool {
    mac.first().is_some_and(|first| first & 1 == 0) && mac != Mac::default()
}

/// As it is written.
pub(crate) fn write_mac(mac: Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// The address of a NIC: the same each time, and one's own with all likelihood. It follows from the name
/// of the VM, the number of the NIC among those of the VM, and the switch, as it is named. The VM's name
/// must not hold a NUL.
///
/// It is locally administered and no group's; the other 46 bits are those of the FNV-1a hash.
pub(crate) fn derive_mac(vm: &[u8], nic: usize, switch: &[u8]) -> Mac {
    /// The offset and the prime of FNV-1a with 64 bits.
    const FNV: [u64; 2] = [0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3];
    let [offset, prime] = FNV;
    let number = nic.to_string();
    let text = [vm, number.as_bytes(), switch].join(&0);
    let hash = text.iter().fold(offset, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(prime));
    let [first, second, third, fourth, fifth, sixth, ..] = hash.to_be_bytes();
    [first & 0xfc | 0x02, second, third, fourth, fifth, sixth]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_six_hexadecimal_numbers() {
        let mac = Some([0x52, 0x54, 0, 0x12, 0xab, 0xcd]);
        for text in
            ["52:54:00:12:ab:cd", "52-54-00-12-AB-CD", "52:54:0:12:ab:cd", "52-54:0:12:aB-Cd"]
        {
            assert_eq!(read_mac(text.as_bytes()), mac, "{text}");
        }
        for wrong in [
            "",
            "0x123456",
            "52:54:00:12:ab",
            "52:54:00:12:ab:cd:",
            "52:54:00:12:ab:cd:ef",
            "52:54:00:12:ab:",
            "52:54::12:ab:cd",
            "052:54:00:12:ab:cd",
            "52:54:00:12:ab:cg",
            "+2:54:00:12:ab:cd",
            " 52:54:00:12:ab:cd",
        ] {
            assert_eq!(read_mac(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_group_or_nobody_is_no_nic() {
        assert!(is_a_nics([0x52, 0, 0, 0, 0, 0]));
        assert!(is_a_nics([0, 0, 0, 0, 0, 1]));
        for wrong in [[1, 0, 0, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1], [0xff; 6], [0; 6]] {
            assert!(!is_a_nics(wrong));
        }
    }

    #[test]
    fn a_derived_address_stays_is_local_and_differs_in_every_part() {
        let mac = derive_mac(b"web", 0, b"/run/lab");
        assert_eq!(write_mac(mac), MAC_OF_WEB);
        let others = [
            derive_mac(b"we", 0, b"/run/lab"),
            derive_mac(b"web", 1, b"/run/lab"),
            derive_mac(b"web", 0, b"/run/lab2"),
            derive_mac(b"web", 0, b""),
        ];
        for other in others {
            assert_ne!(other, mac);
            assert_eq!(other[0] & 3, 2);
            assert!(is_a_nics(other));
            assert_eq!(read_mac(write_mac(other).as_bytes()), Some(other));
        }
    }

    /// It must never become another one: guests keep settings by it.
    const MAC_OF_WEB: &str = "4e:75:fd:ff:b0:aa";
}
