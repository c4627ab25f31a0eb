//! An exhibit as a table, which the page takes over.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::classify::classify;
use wire::dissect::Field;
use wire::exhibit::{Exhibit, Shows};
use wire::text::to_hex;

use super::{Page, escape, runs};

/// Bytes on one line.
const WIDTH: usize = 16;

/// The placeholder for `exhibit`.
pub(crate) fn placeholder(exhibit: &Exhibit, page: &Page) -> Result<String, postcard::Error> {
    let spec = STANDARD.encode(postcard::to_allocvec(exhibit)?);
    let (name, title) = (escape(&exhibit.name), escape(&exhibit.title));
    let mut html =
        format!("<section class=\"lab exhibit\" data-exhibit=\"{name}\" data-spec=\"{spec}\"");
    if let Some(script) = &page.script {
        html.push_str(&format!(" data-page=\"{}\"", escape(script)));
    }
    html.push_str(&format!(
        " aria-label=\"Exhibit: {title}\"><div class=\"lab-offline\">\
         <p class=\"lab-offline-title\"><strong>{title}</strong></p>"
    ));
    html.push_str("<ol class=\"lab-offline-steps\">");
    for find in &exhibit.finds {
        html.push_str(&format!("<li><p>{}</p></li>", runs(&find.say)));
    }
    html.push_str("</ol>");
    match &exhibit.shows {
        Shows::Packet { bytes, fields } => {
            html.push_str("<pre><code class=\"nohighlight hljs\">");
            for line in bytes.chunks(WIDTH) {
                html.push_str(&to_hex(line));
                html.push_str("&#10;");
            }
            html.push_str("</code></pre>");
            push_table(&["Bytes", "Field", "Value", "Meaning"], &mut html, |html| {
                for field in fields {
                    push_field(field, "", html);
                }
            });
        }
        Shows::Address { examples } => {
            push_table(&["Address", "Is", "Range", "Meaning"], &mut html, |html| {
                for example in examples {
                    for fact in classify(example).map_or(Vec::new(), |found| found.facts) {
                        let meaning = format!("{} ({})", fact.meaning, fact.source);
                        push_row(&[example, fact.class.word(), fact.range, &meaning], html);
                    }
                }
            });
        }
    }
    html.push_str("</div></section>");
    Ok(html)
}

fn push_table(heads: &[&str], html: &mut String, rows: impl FnOnce(&mut String)) {
    html.push_str("<div class=\"table-wrapper\"><table><thead><tr>");
    for head in heads {
        html.push_str(&format!("<th>{head}</th>"));
    }
    html.push_str("</tr></thead><tbody>");
    rows(html);
    html.push_str("</tbody></table></div>");
}

/// A field and its parts, each with the path to it.
fn push_field(field: &Field, above: &str, html: &mut String) {
    let path = format!("{above}{}", field.name);
    let bytes = match field.range.len() {
        0 => String::new(),
        1 => field.range.start.to_string(),
        _ => format!("{}–{}", field.range.start, field.range.end - 1),
    };
    push_row(&[&bytes, &path, &field.value, &field.note], html);
    for part in &field.parts {
        push_field(part, &format!("{path} / "), html);
    }
}

fn push_row(cells: &[&str], html: &mut String) {
    html.push_str("<tr>");
    for cell in cells {
        html.push_str(&format!("<td>{}</td>", escape(cell)));
    }
    html.push_str("</tr>");
}

#[cfg(test)]
mod tests {
    use wire::dissect;

    use super::*;

    #[test]
    fn it_is_one_line_with_every_field_and_its_path() {
        let bytes = b"\n\"<b>\"".to_vec();
        let exhibit = Exhibit {
            name: "one".to_owned(),
            hash: String::new(),
            title: "A & B".to_owned(),
            shows: Shows::Packet {
                fields: dissect::datagram(&bytes),
                bytes,
            },
            finds: Vec::new(),
        };
        let html = placeholder(&exhibit, &Page::default()).unwrap();
        assert!(!html.contains('\n') && !html.contains("<b>"), "{html}");
        assert!(html.contains("aria-label=\"Exhibit: A &amp; B\""));
        assert!(
            html.contains("<td>Datagram / Line 2 / Text (ASCII)</td>"),
            "{html}"
        );
        let spec = html.split("data-spec=\"").nth(1).unwrap();
        let spec = STANDARD.decode(spec.split('"').next().unwrap()).unwrap();
        assert_eq!(postcard::from_bytes::<Exhibit>(&spec).unwrap(), exhibit);
    }
}
