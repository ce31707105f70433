//! What signing, encrypting and base64 cost by themselves on this processor: the floor under the table
//! `secured`. `taskset -c 0 cargo run --release --no-default-features --features security --example primitives`

use std::hint::black_box;
use std::time::Instant;

use base64_simd::STANDARD;
use hmac::{Hmac, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;

/// A message of `seal:` is sealed in parts of so many bytes.
const PART: usize = 65_519;
/// A call and its answer, with the lines that are signed beside them.
const SMALL: [usize; 2] = [64, 200];
const LARGE: usize = 1 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mac = Hmac::<Sha256>::new_from_slice(&[7; 32])?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, &[7; 32]).map_err(|_| "no key")?;
    let key = LessSafeKey::new(key);
    for size in SMALL.into_iter().chain([LARGE]) {
        let mut bytes = vec![b'x'; size];
        tell("HMAC-SHA-256", size, || {
            black_box(mac.clone().chain_update(&bytes).finalize());
        });
        tell("ChaCha20-Poly1305", size, || {
            for part in bytes.chunks_mut(PART) {
                let nonce = Nonce::assume_unique_for_key([1; 12]);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), part);
                black_box(tag.is_ok());
            }
        });
        let (mut text, mut plain) = (Vec::new(), Vec::new());
        tell("base64, written", size, || {
            text.clear();
            STANDARD.encode_append(&bytes, &mut text);
            black_box(&text);
        });
        tell("base64, read", size, || {
            plain.clear();
            black_box(STANDARD.decode_append(&text, &mut plain).is_ok());
        });
    }
    Ok(())
}

/// The median of 15 rounds.
fn tell(what: &str, size: usize, mut run: impl FnMut()) {
    let count = (LARGE / size).clamp(20, 10_000);
    let mut rounds: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            (0..count).for_each(|_| run());
            start.elapsed().as_secs_f64() / count as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let micros = rounds[rounds.len() / 2] * 1e6;
    println!("{what:<18} {size:>8} bytes {micros:>9.3} µs");
}
