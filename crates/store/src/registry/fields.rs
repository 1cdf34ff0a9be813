//! The fields an asset of the registry has.

use crate::error::Result;
use crate::open::Store;
use model::{FieldType, TargetField};

/// The built-in fields: key, label, type. The keys are HumanizeIT's, whose mapping is the first preset (H42–H54).
pub const BUILT_IN: [(&str, &str, FieldType); 14] = [
    ("name", "Name", FieldType::Text),
    ("serialNumber", "Serial number", FieldType::Text),
    ("TypeId", "Type id", FieldType::Text),
    ("manufacturer", "Manufacturer", FieldType::Text),
    ("modelNumber", "Model number", FieldType::Text),
    ("os", "Operating system", FieldType::Text),
    ("processorModel", "Processor model", FieldType::Text),
    ("storage", "Storage", FieldType::Integer),
    ("locationName", "Location", FieldType::Text),
    ("macAddress", "MAC address", FieldType::Text),
    ("purchaseDate", "Purchase date", FieldType::Date),
    ("warrantyExpire", "Warranty expires", FieldType::Date),
    ("replaceDate", "Replace on", FieldType::Date),
    ("details", "Details", FieldType::Text),
];

fn type_name(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Text => "text",
        FieldType::Integer => "integer",
        FieldType::Decimal => "decimal",
        FieldType::Boolean => "boolean",
        FieldType::Date => "date",
    }
}

fn type_of(name: &str) -> FieldType {
    match name {
        "integer" => FieldType::Integer,
        "decimal" => FieldType::Decimal,
        "boolean" => FieldType::Boolean,
        "date" => FieldType::Date,
        _ => FieldType::Text,
    }
}

impl Store {
    /// All fields an asset of the registry has: the built-in ones, then the custom ones by key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_fields(&self) -> Result<Vec<TargetField>> {
        let mut conn = self.read().await?;
        let custom = fetch_all!(
            conn,
            (String, String, String),
            "SELECT key, label, field_type FROM registry_field ORDER BY key"
        )?;
        let built_in = BUILT_IN.iter().map(|(key, label, field_type)| TargetField {
            key: (*key).to_owned(),
            label: (*label).to_owned(),
            field_type: *field_type,
            custom: false,
        });
        let custom = custom.into_iter().map(|(key, label, field_type)| TargetField {
            key,
            label,
            field_type: type_of(&field_type),
            custom: true,
        });
        Ok(built_in.chain(custom).collect())
    }

    /// Adds a custom field; one that is there stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_registry_field(&self, field: &TargetField) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "INSERT INTO registry_field (key, label, field_type) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING",
            field.key.as_str(),
            field.label.as_str(),
            type_name(field.field_type)
        )?;
        tx.commit().await
    }
}
