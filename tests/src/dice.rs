//! Documents that change at random, the same each time.

use serde_json::{Value, json};

/// Numbers that look random.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Those that begin with this number.
    pub fn new(seed: usize) -> Self {
        // Zero would stay zero.
        Dice(seed as u64 + 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn key(&mut self) -> String {
        ["a", "b", "/", "~", "", "é", "c", "~1"][self.below(8)].to_owned()
    }

    fn any(&mut self, depth: usize) -> Value {
        match self.below(if depth > 3 { 6 } else { 10 }) {
            0 => Value::Null,
            1 => Value::Bool(self.below(2) == 0),
            2 => json!(self.below(3)),
            3 => json!(self.below(3) as f64 / 3.0),
            4 => json!(["", "a", "é\u{1F600}\n", "b/~"][self.below(4)]),
            5 => json!(-(self.below(1 << 40) as i64)),
            6 | 7 => (0..self.below(6)).map(|_| self.any(depth + 1)).collect(),
            _ => {
                let members = (0..self.below(6)).map(|_| (self.key(), self.any(depth + 1)));
                Value::Object(members.collect())
            }
        }
    }

    /// Changes a document somewhere.
    pub fn change(&mut self, document: &mut Value) {
        let kind = self.below(10);
        match document {
            Value::Array(list) if !list.is_empty() && kind < 8 => {
                let at = self.below(list.len());
                match kind {
                    0 | 1 => drop(list.remove(at)),
                    2..5 => list.insert(at, self.any(2)),
                    _ => self.change(&mut list[at]),
                }
            }
            Value::Object(members) if !members.is_empty() && kind < 8 => {
                let at = self.below(members.len());
                let key = members.keys().nth(at).unwrap().clone();
                match kind {
                    0 | 1 => drop(members.remove(&key)),
                    2..5 => drop(members.insert(self.key(), self.any(2))),
                    _ => self.change(&mut members[&key]),
                }
            }
            other => *other = self.any(1),
        }
    }
}
