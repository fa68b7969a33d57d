//! The JSON Schema (2020-12) of the answers. Knows shapes only.

use onething_contract::manifest::{Column, Element, Kind, MergedField, Shape, Source};
use serde_json::{Map, Value, json};

pub fn schema(title: &str, fields: &[&MergedField], elements: &[Element]) -> Value {
    let mut properties = Map::new();
    for element in elements {
        let mut property = of_shape(&element.shape);
        property["title"] = json!(element.label.zh);
        property["description"] = json!(element.label.en);
        properties.insert(element.code.clone(), property);
    }
    // What a register holds or a rule computes may be left out: the bundle says when it must not be.
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| !field.optional && matches!(field.source, Source::Typed { .. }))
        .map(|field| field.element.as_str())
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn of_shape(shape: &Shape) -> Value {
    let mut schema = match shape.kind {
        Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Int => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        Kind::Decimal => json!({"type": "string", "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,8})?$"}),
        Kind::Money => json!({"type": "string", "pattern": "^-?[0-9]{1,15}\\.[0-9]{2}$"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Date => json!({"type": "string", "format": "date"}),
        Kind::Month => json!({"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}),
        Kind::Enum => one_of(shape),
        Kind::EnumList => json!({"type": "array", "items": one_of(shape), "uniqueItems": true}),
        Kind::Phone => {
            json!({"type": "string", "pattern": "^(1[0-9]{10}|0[0-9]{2,3}-?[0-9]{7,8})$"})
        }
        Kind::CitizenId => json!({"type": "string", "pattern": "^[0-9]{17}[0-9X]$"}),
        Kind::Uscc => json!({"type": "string", "pattern": "^[0-9A-HJ-NPQRTUWXY]{18}$"}),
        Kind::Account => json!({"type": "string", "pattern": "^[0-9]{8,32}$"}),
        Kind::Table => json!({"type": "array", "items": row(&shape.columns)}),
        Kind::Signature => json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "signed_at": {"type": "string", "format": "date-time"},
            },
            "required": ["name", "signed_at"],
            "additionalProperties": false,
        }),
    };
    if let Some(max) = shape.max {
        let bound = if shape.kind == Kind::Table {
            "maxItems"
        } else {
            "maxLength"
        };
        schema[bound] = json!(max);
    }
    schema
}

fn one_of(shape: &Shape) -> Value {
    let values: Vec<Value> = shape
        .values
        .iter()
        .map(|value| json!({"const": value.code, "title": value.zh, "description": value.en}))
        .collect();
    json!({"oneOf": values})
}

fn row(columns: &[Column]) -> Value {
    let mut properties = Map::new();
    for column in columns {
        let mut property = of_shape(&column.shape);
        property["title"] = json!(column.label.zh);
        properties.insert(column.name.clone(), property);
    }
    let required: Vec<&str> = columns
        .iter()
        .filter(|column| !column.optional)
        .map(|column| column.name.as_str())
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
