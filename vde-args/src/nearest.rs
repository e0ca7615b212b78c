//! The nearest valid word to a misspelt one.

/// Words longer than this are not compared: nobody means `sock` with 40 letters.
const LONGEST: usize = 32;

/// The candidate that takes the fewest slips of a typist to turn into `word`: a letter left out,
/// added, replaced, or swapped with its neighbour. `None` if all are further away than a third of
/// the word (at least one slip, at most three). Of equals, one of the same length wins: swapped
/// letters are a more likely slip than lost ones; then the first.
pub(crate) fn nearest<'a>(
    word: &[u8],
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let limit = word.len().div_ceil(3).clamp(1, 3);
    let slips = candidates.into_iter().filter_map(|candidate| {
        let slips = distance(word, candidate.as_bytes());
        let is_near = slips <= limit && slips < candidate.len().min(word.len());
        is_near.then(|| (slips, candidate.len().abs_diff(word.len()), candidate))
    });
    slips.min_by_key(|&(slips, longer, _)| (slips, longer)).map(|(.., candidate)| candidate)
}

/// Edit distance with neighbour swaps (optimal string alignment), row by row.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (i, &a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut left = i + 1;
        let mut letter = None;
        for (j, &b) in to.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&above, j) + usize::from(a != b)).min(left + 1);
            cost = cost.min(at(&above, j + 1) + 1);
            if j > 0 && letter == Some(a) && previous == Some(b) {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            row.push(cost);
            left = cost;
            letter = Some(b);
        }
        previous = Some(a);
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_of_each_kind_counts_one() {
        for slip in ["sok", "soock", "sick", "scok"] {
            assert_eq!(distance(slip.as_bytes(), b"sock"), 1, "{slip}");
        }
        assert_eq!(distance(b"", b"sock"), 4);
        assert_eq!(distance(b"sock", b""), 4);
        assert_eq!(distance(b"sock", b"sock"), 0);
    }

    #[test]
    fn the_distance_is_symmetric() {
        let words = ["", "a", "ab", "ba", "sock", "scok", "port", "mode", "--mod", "vlan"];
        for a in words {
            for b in words {
                let there = distance(a.as_bytes(), b.as_bytes());
                assert_eq!(there, distance(b.as_bytes(), a.as_bytes()), "{a} {b}");
            }
        }
    }

    #[test]
    fn the_nearest_word_is_offered_and_a_far_one_is_not() {
        let keys = ["sock", "port", "vlan", "group", "mode"];
        assert_eq!(nearest(b"scok", keys), Some("sock"));
        assert_eq!(nearest(b"prot", keys), Some("port"));
        assert_eq!(nearest(b"vlna", keys), Some("vlan"));
        assert_eq!(nearest(b"foo", keys), None);
        assert_eq!(nearest(b"x", ["v"]), None);
        assert_eq!(nearest(b"-", ["-v"]), None);
        assert_eq!(nearest(b"modle", ["mode", "model"]), Some("model"));
        assert_eq!(nearest(b"", keys), None);
        assert_eq!(nearest(&[b's'; 4096], keys), None);
    }
}
