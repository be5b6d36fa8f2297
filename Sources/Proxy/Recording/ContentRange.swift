/// Which bytes of a whole an answer of status 206 has (RFC 9110, 14.4): `bytes 0-499/1234`.
struct ContentRange: Equatable {
  let bytes: Range<UInt64>
  /// Of all.
  let total: UInt64

  /// - Returns: nil for another unit, a total that is not told, and what makes no sense.
  init?(_ value: ArraySlice<UInt8>) {
    guard value.starts(with: "bytes ".utf8) else { return nil }
    let parts = value.dropFirst(6).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count == 2, let total = HTTPToken.number(parts[1]) else { return nil }
    let ends = parts[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard ends.count == 2, let first = HTTPToken.number(ends[0]), let last = HTTPToken.number(ends[1]), first <= last,
      last < total
    else { return nil }
    bytes = UInt64(first)..<UInt64(last) + 1
    self.total = UInt64(total)
  }

  init(bytes: Range<UInt64>, total: UInt64) {
    self.bytes = bytes
    self.total = total
  }
}
