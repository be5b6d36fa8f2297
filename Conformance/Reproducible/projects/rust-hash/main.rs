use std::collections::HashMap;

fn main() {
    let numbers: HashMap<i32, i32> = (0..50).map(|i| (i, i)).collect();
    println!("{:?}", numbers);
}
