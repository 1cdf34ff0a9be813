//! What the records of each collection hold, and how a body is held against that.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::records::State;
use super::refusal::Refusal;

/// The collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Collection {
    Clients,
    Sites,
    AssetTypes,
    Assets,
}

/// What a property holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text of 1 to 255 characters that is not only blanks.
    Name,
    /// Text of at most so many characters, or null.
    Text(usize),
    /// The id of a record, or null.
    Reference(Collection),
    /// Values by key, each of the type of its field.
    CustomFields,
}

/// A property a client may write.
pub(super) struct Property {
    pub key: &'static str,
    pub shape: Shape,
    /// It must be given and may not be emptied.
    pub required: bool,
}

const fn property(key: &'static str, shape: Shape) -> Property {
    Property {
        key,
        shape,
        required: false,
    }
}

const fn required(key: &'static str, shape: Shape) -> Property {
    Property {
        key,
        shape,
        required: true,
    }
}

/// The property by which records are found again.
pub(super) const EXTERNAL_KEY: &str = "external_key";

const CLIENTS: &[Property] = &[
    required("name", Shape::Name),
    property("source_id", Shape::Text(100)),
    property(EXTERNAL_KEY, Shape::Text(255)),
];
const SITES: &[Property] = &[
    required("client_id", Shape::Reference(Collection::Clients)),
    required("name", Shape::Name),
    property(EXTERNAL_KEY, Shape::Text(255)),
];
const ASSET_TYPES: &[Property] = &[
    required("name", Shape::Name),
    property("group", Shape::Text(255)),
    property(EXTERNAL_KEY, Shape::Text(255)),
];
const ASSETS: &[Property] = &[
    required("client_id", Shape::Reference(Collection::Clients)),
    property("site_id", Shape::Reference(Collection::Sites)),
    property("asset_type_id", Shape::Reference(Collection::AssetTypes)),
    property("source_id", Shape::Text(100)),
    property(EXTERNAL_KEY, Shape::Text(255)),
    property("name", Shape::Text(255)),
    property("serial_number", Shape::Text(255)),
    property("manufacturer", Shape::Text(255)),
    property("model", Shape::Text(255)),
    property("operating_system", Shape::Text(255)),
    property("notes", Shape::Text(10_000)),
    property("custom_fields", Shape::CustomFields),
];

/// The text properties of an asset that `asset_fields` lists as built in, with their labels.
pub(super) const BUILT_IN: [(&str, &str); 6] = [
    ("name", "Name"),
    ("serial_number", "Serial number"),
    ("manufacturer", "Manufacturer"),
    ("model", "Model"),
    ("operating_system", "Operating system"),
    ("notes", "Notes"),
];

impl Collection {
    pub const ALL: [Self; 4] = [Self::Clients, Self::Sites, Self::AssetTypes, Self::Assets];

    /// Its name in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Sites => "sites",
            Self::AssetTypes => "asset_types",
            Self::Assets => "assets",
        }
    }

    /// What the ids of its records begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Clients => "cli_",
            Self::Sites => "sit_",
            Self::AssetTypes => "typ_",
            Self::Assets => "ast_",
        }
    }

    pub fn properties(self) -> &'static [Property] {
        match self {
            Self::Clients => CLIENTS,
            Self::Sites => SITES,
            Self::AssetTypes => ASSET_TYPES,
            Self::Assets => ASSETS,
        }
    }

    /// The id written out.
    pub fn id(self, number: u64) -> String {
        format!("{}{number}", self.prefix())
    }

    /// The number in an id of this collection.
    pub fn number(self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(self.prefix())?;
        let plain =
            !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    }
}

/// Holds a body against the properties of `collection`. What comes back has only known properties; null stands for
/// one that is to be emptied.
pub(super) fn read_body(
    collection: Collection,
    body: &Value,
    creates: bool,
    state: &State,
) -> Result<Map<String, Value>, Refusal> {
    let Some(body) = body.as_object() else {
        return Err(Refusal::invalid("type", "$", "the body is not a JSON object"));
    };
    let properties = collection.properties();
    if let Some(unknown) = body.keys().find(|key| properties.iter().all(|p| p.key != *key)) {
        let known: Vec<_> = properties.iter().map(|p| p.key).collect();
        let message = format!(
            "{} have no property {unknown:?}; there are {}",
            collection.name(),
            known.join(", ")
        );
        return Err(Refusal::invalid("unknown_field", unknown.as_str(), message));
    }
    let mut read = Map::new();
    for property in properties {
        let Some(value) = body.get(property.key) else {
            if creates && property.required {
                let message = format!("{} is required", property.key);
                return Err(Refusal::invalid("required", property.key, message));
            }
            continue;
        };
        if value.is_null() && property.required {
            let message = format!("{} may not be null", property.key);
            return Err(Refusal::invalid("required", property.key, message));
        }
        if !value.is_null() {
            check(property, value, state)?;
        }
        read.insert(property.key.to_owned(), value.clone());
    }
    Ok(read)
}

fn check(property: &Property, value: &Value, state: &State) -> Result<(), Refusal> {
    let wrong =
        |what: &str| Refusal::invalid("type", property.key, format!("{} must be {what}", property.key));
    match property.shape {
        Shape::Name => {
            let text = value.as_str().ok_or_else(|| wrong("a text"))?;
            if text.trim().is_empty() {
                return Err(Refusal::invalid(
                    "required",
                    property.key,
                    format!("{} is blank", property.key),
                ));
            }
            length(property.key, text, 255)
        }
        Shape::Text(most) => length(
            property.key,
            value.as_str().ok_or_else(|| wrong("a text or null"))?,
            most,
        ),
        Shape::Reference(to) => {
            let id = value.as_str().ok_or_else(|| wrong("an id"))?;
            match state.get(to, id) {
                Some(_) => Ok(()),
                None => {
                    let message = format!("no record {id:?} in {}", to.name());
                    Err(Refusal::invalid("reference", property.key, message))
                }
            }
        }
        Shape::CustomFields => {
            let values = value.as_object().ok_or_else(|| wrong("an object"))?;
            for (key, value) in values {
                state
                    .check_custom(key, value)
                    .map_err(|refusal| refusal.below(property.key))?;
            }
            Ok(())
        }
    }
}

/// Refuses a text of more than `most` characters.
pub(super) fn length(path: &str, text: &str, most: usize) -> Result<(), Refusal> {
    let has = text.chars().count();
    if has > most {
        let message = format!("{has} characters are too many; {most} are allowed");
        return Err(Refusal::invalid("too_long", path, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_belongs_to_its_collection() {
        assert_eq!(Collection::Assets.number("ast_1000001"), Some(1_000_001));
        for wrong in ["cli_1000001", "ast_", "ast_x", "ast_+1", "ast_01", "1000001"] {
            assert_eq!(Collection::Assets.number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn built_in_fields_are_text_properties_of_assets() {
        for (key, _) in BUILT_IN {
            let property = ASSETS.iter().find(|p| p.key == key).unwrap();
            assert!(matches!(property.shape, Shape::Text(_)), "{key}");
        }
    }
}
