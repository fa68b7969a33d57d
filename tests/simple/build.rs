//! Compiles the forms.

fn main() {
    onething_forms::build();
}
