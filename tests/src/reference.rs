//! The reference of the interface, made from the comments in `proto/ledger/v1/*.proto`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ledger_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet,
};

/// Of a file's descriptor: messages, enums and services; of those fields, nested types, values, methods,
/// by the field numbers of `descriptor.proto`.
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const SERVICES: i32 = 6;
const MEMBERS: i32 = 2;

/// What stands at the top of the page.
const HEAD: &str = "# The interface\n\n\
    Package `ledger.v1`, as its comments in [proto/ledger/v1](../proto/ledger/v1) say it; this page is made from them:\n\
    `cargo run -p ledger-tests --example reference > docs/api.md`. A field without a label is optional, and\n\
    left out means its zero value; `optional` tells left out from zero. Errors carry `google.rpc` details:\n\
    `BadRequest` names the field, `RetryInfo` says when to come back, `ErrorInfo` says why.\n";

/// The reference as Markdown.
pub fn markdown() -> String {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("the descriptors of the build");
    let ours = || set.file.iter().filter(|file| file.package() == "ledger.v1");
    let mut page = HEAD.to_owned();
    for file in ours() {
        services(&mut page, file);
    }
    page.push_str("\n## Messages\n");
    for file in ours() {
        let comments = comments(file);
        for (at, message) in (0..).zip(&file.message_type) {
            self::message(&mut page, &comments, &[MESSAGES, at], message);
        }
    }
    page.push_str("\n## Enumerations\n");
    for file in ours() {
        let comments = comments(file);
        for (at, values) in (0..).zip(&file.enum_type) {
            enumeration(&mut page, &comments, &[ENUMS, at], values);
        }
    }
    page
}

type Comments = BTreeMap<Vec<i32>, String>;

fn comments(file: &FileDescriptorProto) -> Comments {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    locations
        .filter_map(|location| Some((location.path.clone(), location.leading_comments.clone()?)))
        .collect()
}

/// The comment of what is at `path`, each paragraph and each item of a list on one line.
fn said(comments: &Comments, path: &[i32]) -> String {
    let text = comments.get(path).map_or("", String::as_str);
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(str::trim) {
        let last = paragraphs.last_mut().expect("never empty");
        if line.is_empty() {
            paragraphs.push(String::new());
        } else {
            if !last.is_empty() {
                last.push(if line.starts_with("- ") { '\n' } else { ' ' });
            }
            last.push_str(line);
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}

fn below(path: &[i32], more: &[i32]) -> Vec<i32> {
    [path, more].concat()
}

fn services(page: &mut String, file: &FileDescriptorProto) {
    let comments = comments(file);
    for (at, service) in (0..).zip(&file.service) {
        let path = [SERVICES, at];
        let _ = write!(
            page,
            "\n## {}\n\n{}\n",
            service.name(),
            said(&comments, &path)
        );
        for (at, method) in (0..).zip(&service.method) {
            let stream = |is: bool| if is { "stream " } else { "" };
            let _ = write!(
                page,
                "\n### {}.{}\n\n`{}({}{}) → {}{}`\n\n{}\n",
                service.name(),
                method.name(),
                method.name(),
                stream(method.client_streaming()),
                short(method.input_type()),
                stream(method.server_streaming()),
                short(method.output_type()),
                said(&comments, &below(&path, &[MEMBERS, at])),
            );
        }
    }
}

fn message(page: &mut String, comments: &Comments, path: &[i32], message: &DescriptorProto) {
    let _ = write!(page, "\n### {}\n", message.name());
    let about = said(comments, path);
    if !about.is_empty() {
        let _ = write!(page, "\n{about}\n");
    }
    if message.field.is_empty() {
        page.push_str("\nNo fields.\n");
        return;
    }
    page.push_str("\n| field | type | |\n|---|---|---|\n");
    for (at, field) in (0..).zip(&message.field) {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            field.name(),
            kind(message, field),
            cell(&said(comments, &below(path, &[MEMBERS, at])))
        );
    }
}

fn enumeration(page: &mut String, comments: &Comments, path: &[i32], values: &EnumDescriptorProto) {
    let _ = write!(page, "\n### {}\n", values.name());
    let about = said(comments, path);
    if !about.is_empty() {
        let _ = write!(page, "\n{about}\n");
    }
    page.push_str("\n| value | number | |\n|---|---|---|\n");
    for (at, value) in (0..).zip(&values.value) {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            value.name(),
            value.number(),
            cell(&said(comments, &below(path, &[MEMBERS, at])))
        );
    }
}

/// The type of a field, as a reader of the `.proto` knows it.
fn kind(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let name = match field.r#type() {
        Type::Message | Type::Enum => short(field.type_name()).to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Bytes => "bytes".to_owned(),
        Type::String => "string".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    let label = match (field.label(), field.proto3_optional(), field.oneof_index) {
        (Label::Repeated, ..) => "repeated ".to_owned(),
        (_, true, _) => "optional ".to_owned(),
        (_, false, Some(at)) => {
            let of = usize::try_from(at)
                .ok()
                .and_then(|at| message.oneof_decl.get(at));
            format!("one of `{}`: ", of.map_or("", |of| of.name()))
        }
        _ => String::new(),
    };
    format!("{label}{name}")
}

/// The last name of a qualified one; what is not of this package keeps its package.
fn short(name: &str) -> &str {
    let name = name.trim_start_matches('.');
    name.strip_prefix("ledger.v1.").unwrap_or(name)
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    let text = text.replace("\n\n", "<br>").replace('\n', "<br>");
    text.replace('|', "\\|")
}
