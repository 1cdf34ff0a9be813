//! Prints the OpenAPI document of the REST API, as `cargo xtask regenerate` commits it.

fn main() {
    print!("{}", web::openapi());
}
