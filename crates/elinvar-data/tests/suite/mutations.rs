//! A small fuzzer: whatever happens to a valid file, the answer is a value or one line, never a panic.

use crate::examples;
use elinvar_data::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

const CASES: u64 = 2000;

/// Splitmix64: a fixed sequence, so that a failure is found again.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Sequence) {
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.next() as u8,
            // Length fields like to be near these.
            3 => overwrite(bytes, at, &[u32::MAX, i32::MAX as u32, 0, 1 << 31][random.below(4)].to_le_bytes()),
            4 => overwrite(bytes, at, &[u64::MAX, i64::MAX as u64, 0, 1 << 40][random.below(4)].to_le_bytes()),
            5 => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let end = (at + random.below(64)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, value: &[u8]) {
    let end = (at + value.len()).min(bytes.len());
    bytes[at..end].copy_from_slice(&value[..end - at]);
}

fn answers(name: &str, bytes: &[u8]) -> [Result<(), elinvar_core::Error>; 5] {
    [
        read_table_from(name, bytes).map(|_| ()),
        read_array_from(name, bytes).map(|_| ()),
        read_arrays_from(name, bytes).map(|_| ()),
        ModelFile::from_bytes(name, bytes).map(|_| ()),
        describe_from(name, bytes).map(|_| ()),
    ]
}

#[test]
fn damaged_files_never_panic() {
    let files = examples::all();
    let mut random = Sequence(20_261_124);
    for case in 0..CASES {
        let (name, valid) = &files[case as usize % files.len()];
        let mut bytes = valid.clone();
        damage(&mut bytes, &mut random);
        let answers = catch_unwind(AssertUnwindSafe(|| answers(name, &bytes)));
        let Ok(answers) = answers else { panic!("case {case} on {name} panicked: {bytes:?}") };
        for error in answers.into_iter().filter_map(Result::err) {
            let message = error.to_string();
            assert!(message.starts_with(name) && !message.contains('\n') && message.len() < 2000, "case {case}: {message}");
        }
    }
}

#[test]
fn every_cut_of_every_file_is_answered() {
    for (name, valid) in examples::all() {
        let step = valid.len().div_ceil(40);
        for end in (0..valid.len()).step_by(step) {
            for error in answers(name, &valid[..end]).into_iter().filter_map(Result::err) {
                assert!(error.to_string().starts_with(name), "{error}");
            }
        }
    }
}
