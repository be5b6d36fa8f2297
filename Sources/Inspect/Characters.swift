/// Bytes that are mostly UTF-8, and need not be.
public enum Characters {
  /// Tells each character of UTF-8, and each byte that belongs to none.
  public static func decode(_ bytes: some Sequence<UInt8>, _ body: (Unicode.Scalar?, UInt8) -> Void) {
    let all = Array(bytes)
    var start = 0
    while start < all.count {
      if all[start] < 0x80 {
        body(Unicode.Scalar(all[start]), all[start])
        start += 1
        continue
      }
      var decoder = UTF8()
      var rest = all[start..<min(start + 4, all.count)].makeIterator()
      if case .scalarValue(let scalar) = decoder.decode(&rest) {
        body(scalar, 0)
        start += UTF8.width(scalar)
      } else {
        body(nil, all[start])
        start += 1
      }
    }
  }
}
