//! The renaming rules of `rename_all`, which are serde's.

/// How a Rust name becomes a name on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RenameRule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const RULES: [(&str, RenameRule); 8] = [
    ("lowercase", RenameRule::Lower),
    ("UPPERCASE", RenameRule::Upper),
    ("PascalCase", RenameRule::Pascal),
    ("camelCase", RenameRule::Camel),
    ("snake_case", RenameRule::Snake),
    ("SCREAMING_SNAKE_CASE", RenameRule::ScreamingSnake),
    ("kebab-case", RenameRule::Kebab),
    ("SCREAMING-KEBAB-CASE", RenameRule::ScreamingKebab),
];

impl RenameRule {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let found = RULES.iter().find(|(known, _)| *known == name);
        found.map(|(_, rule)| *rule)
    }

    /// The names of all rules, for an error text.
    pub(crate) fn names() -> String {
        RULES.map(|(name, _)| format!("{name:?}")).join(", ")
    }

    /// Renames what is written in snake case, as serde does with fields.
    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            RenameRule::Lower | RenameRule::Snake => name.to_owned(),
            RenameRule::Upper | RenameRule::ScreamingSnake => name.to_ascii_uppercase(),
            RenameRule::Pascal => upper_camel(name),
            RenameRule::Camel => lower_first(&upper_camel(name)),
            RenameRule::Kebab => name.replace('_', "-"),
            RenameRule::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

/// `say_hello` to `SayHello`.
pub(crate) fn upper_camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut capitalize = true;
    for character in name.chars() {
        if character == '_' {
            capitalize = true;
        } else if capitalize {
            camel.push(character.to_ascii_uppercase());
            capitalize = false;
        } else {
            camel.push(character);
        }
    }
    camel
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    match characters.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + characters.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{RULES, RenameRule};

    /// serde's own table for fields.
    #[test]
    fn renames_as_serde_does() {
        let table = [
            (
                "outcome",
                [
                    "outcome", "OUTCOME", "Outcome", "outcome", "outcome", "OUTCOME", "outcome",
                    "OUTCOME",
                ],
            ),
            (
                "very_tasty",
                [
                    "very_tasty",
                    "VERY_TASTY",
                    "VeryTasty",
                    "veryTasty",
                    "very_tasty",
                    "VERY_TASTY",
                    "very-tasty",
                    "VERY-TASTY",
                ],
            ),
            ("a", ["a", "A", "A", "a", "a", "A", "a", "A"]),
            (
                "z42",
                ["z42", "Z42", "Z42", "z42", "z42", "Z42", "z42", "Z42"],
            ),
        ];
        for (name, renamed) in table {
            for ((rule_name, rule), expected) in RULES.into_iter().zip(renamed) {
                assert_eq!(rule.apply(name), expected, "{name} in {rule_name}");
            }
        }
    }

    #[test]
    fn knows_each_rule_by_its_name_only() {
        for (name, rule) in RULES {
            assert_eq!(RenameRule::from_name(name), Some(rule));
        }
        assert_eq!(RenameRule::from_name("camelcase"), None);
        assert_eq!(RenameRule::from_name(""), None);
    }

    #[test]
    fn leading_and_double_underscores_do_not_matter() {
        assert_eq!(RenameRule::Camel.apply("_unused"), "unused");
        assert_eq!(RenameRule::Pascal.apply("a__b"), "AB");
        assert_eq!(RenameRule::Camel.apply("_"), "");
    }
}
