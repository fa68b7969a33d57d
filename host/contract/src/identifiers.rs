//! Identifiers that carry their own proof: the same for a bundle's forms and for what an office
//! writes into its decision.

/// A citizen's number (GB 11643-1999) with a good check character: ISO 7064 MOD 11-2, annex A. The
/// date in it is not looked at.
pub fn citizen_id(id: &str) -> bool {
    const WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    let Some((check, body)) = id.as_bytes().split_last() else {
        return false;
    };
    body.len() == WEIGHTS.len()
        && body.iter().all(u8::is_ascii_digit)
        && CHECKS.get(weighted(body, b"0123456789", &WEIGHTS) % CHECKS.len()) == Some(check)
}

/// Whether a text has the 18 letters of a unified social credit code (GB 32100-2015).
pub fn uscc_shaped(code: &str) -> bool {
    code.len() == USCC_WEIGHTS.len() && code.bytes().all(|letter| USCC_ALPHABET.contains(&letter))
}

/// A unified social credit code with a good check character.
pub fn uscc(code: &str) -> bool {
    uscc_shaped(code) && weighted(code.as_bytes(), USCC_ALPHABET, &USCC_WEIGHTS).is_multiple_of(31)
}

/// A bank card's number (GB/T 17003, ISO/IEC 7812): 16 to 19 digits with a good Luhn digit.
pub fn bank_card(number: &str) -> bool {
    let digits = number.bytes().rev().map(|byte| byte.wrapping_sub(b'0'));
    let worth = |(place, digit): (usize, u8)| match (place % 2, u32::from(digit) * 2) {
        (0, _) => u32::from(digit),
        (_, doubled) => doubled / 10 + doubled % 10,
    };
    (16..=19).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && digits
            .enumerate()
            .map(worth)
            .sum::<u32>()
            .is_multiple_of(10)
}

const USCC_ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// With the check character's own weight of 1, the sum of a good code is a multiple of 31.
const USCC_WEIGHTS: [usize; 18] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1,
];

/// The letters' places in the alphabet, each times its weight.
fn weighted(letters: &[u8], alphabet: &[u8], weights: &[usize]) -> usize {
    let place = |letter| alphabet.iter().position(|known| known == letter);
    letters
        .iter()
        .zip(weights)
        .map(|(letter, weight)| place(letter).unwrap_or(0) * weight)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{bank_card, citizen_id, uscc};

    #[test]
    fn check_characters_tell() {
        for (id, good) in [
            ("11010519491231002X", true),
            ("440524188001010014", true),
            ("36042619910102009X", false),
            ("11010519491231002x", false),
            ("11010519491231002", false),
            ("１１010519491231002X", false),
            ("", false),
        ] {
            assert_eq!(citizen_id(id), good, "{id}");
        }
        for (code, good) in [
            ("91350100M000100Y43", true),
            ("91110000600037341L", true),
            ("91110000600037341N", false),
            ("91110000600037341I", false),
            ("", false),
        ] {
            assert_eq!(uscc(code), good, "{code}");
        }
        for (number, good) in [
            ("6228480330000001017", true),
            ("6222021205001234560", true),
            ("6228480330000000002", false),
            ("79927398713", false),
            ("62284803300000010l7", false),
            ("", false),
        ] {
            assert_eq!(bank_card(number), good, "{number}");
        }
    }
}
