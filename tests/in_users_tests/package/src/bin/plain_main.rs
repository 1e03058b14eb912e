//! A program that does not know of pools. Its `main` runs once.

fn main() {
    println!("main runs");
    let (cubes, elsewhere) = fancy::cubes(vec![1, 2, 3]).expect("the library does it");
    println!("{cubes:?}, {elsewhere} of them elsewhere");
}
