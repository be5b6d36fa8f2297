/// A name of a table, compared with a guest's bytes without a String.
struct StaticName: Sendable {
  let utf8: [UInt8]

  init(_ name: String) { utf8 = Array(name.utf8) }
}
