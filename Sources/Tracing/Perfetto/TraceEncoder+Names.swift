import Glibc

/// The annotations that hold the names of events.
extension TraceEncoder {
  func annotate(_ payload: EventShape.Payload, _ name: UnsafeBufferPointer<UInt8>) {
    guard name.count > 0 else { return }
    switch payload {
    case .text(let annotation):
      if name.count >= Self.shortestRaw, !Self.isText(name[...]) { return annotate(annotation, raw: name) }
      annotate(annotation, texts: [name[...]], isList: false)
      return
    case .list(let annotation):
      guard name.last == 0 else { break }
      annotate(annotation, texts: name.dropLast().split(separator: 0, omittingEmptySubsequences: false), isList: true)
      return
    case .pair(let first, let second):
      let parts = name.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, Self.isText(parts[0]) else { break }
      annotate(first, text: Array(parts[0]))
      let values = parts[1].split(separator: 0, omittingEmptySubsequences: false)
      annotate(second, texts: values, isList: values.count > 1)
      return
    case .numbers(let annotations):
      guard name.count == 8 * annotations.count else { break }
      for (index, annotation) in annotations.enumerated() {
        let number = UnsafeRawPointer(name.baseAddress!).loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
        if index == 0 || number != 0 { annotate(annotation, number) }
      }
      return
    case .fields(let numbers, let texts):
      guard name.count >= 8 * numbers.count else { break }
      let parts = name.dropFirst(8 * numbers.count).split(
        separator: 0, maxSplits: texts.count, omittingEmptySubsequences: false)
      guard parts.count == texts.count, parts.allSatisfy(Self.isText) else { break }
      annotate(.numbers(numbers), UnsafeBufferPointer(rebasing: name.prefix(8 * numbers.count)))
      for (annotation, part) in zip(texts, parts) { annotate(annotation, text: Array(part)) }
      return
    case .number(let annotation):
      guard name.count == 4 else { break }
      annotate(annotation, UInt64(UnsafeRawPointer(name.baseAddress!).loadUnaligned(as: UInt32.self)))
      return
    case .socketAddress:
      if let text = SocketAddress.text(name) { annotate(.address, text: text) }
      annotate(.socketAddress, texts: [name[...]], isList: false)
      return
    case .none: break
    }
    annotate(.data, texts: [name[...]], isList: false)
  }

  static func isText(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    bytes.isEmpty
      || memchr(bytes.base.baseAddress! + bytes.startIndex, 0, bytes.count) == nil
        && String(validating: bytes, as: UTF8.self) != nil
  }

  private func annotate(_ annotation: Annotation, raw bytes: UnsafeBufferPointer<UInt8>) {
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    packets.bytes(6, Array("\(bytes.count) bytes that are no text".utf8))
    packets.bytes(Self.rawField, bytes)
    packets.close(start)
  }

  func annotate(_ annotation: Annotation, texts: [Slice<UnsafeBufferPointer<UInt8>>], isList: Bool) {
    let isText = texts.allSatisfy(Self.isText)
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    for text in texts {
      let element = isList ? packets.open(12) : 0
      if isText {
        packets.bytes(6, UnsafeBufferPointer(rebasing: text))
      } else {
        packets.bytes(6, Escaping.escape(text))
      }
      if isList { packets.close(element) }
    }
    packets.close(start)
    if !isText { annotate(.isEscaped, 1) }
  }
}
