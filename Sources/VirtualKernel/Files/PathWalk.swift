import CLinux
import Glibc
import SystemPackage

/// How a path is walked.
struct WalkOptions: OptionSet {
  var rawValue: UInt16
  /// A symbolic link at the end is the result, not what it points to.
  static let noFollow = WalkOptions(rawValue: 1)
  /// Directories and links on the way, and a directory at the end, are made in the skeleton: the kernel will walk there too.
  static let materialise = WalkOptions(rawValue: 2)
  /// An empty path is the start itself (AT_EMPTY_PATH).
  static let allowEmpty = WalkOptions(rawValue: 4)
  /// The last name is to be made or removed: a link there is not followed, not even with a slash after it.
  static let parent: WalkOptions = [.noFollow, WalkOptions(rawValue: 256)]
  // openat2(2)
  static let noCrossing = WalkOptions(rawValue: 8)
  static let noMagicLinks = WalkOptions(rawValue: 16)
  static let noLinks = WalkOptions(rawValue: 32)
  static let beneath = WalkOptions(rawValue: 64)
  static let inRoot = WalkOptions(rawValue: 128)
  /// The last name is that of a file to be created if it is missing: it cannot have a slash after it.
  static let create = WalkOptions(rawValue: 512)
}

/// Where a path led.
struct WalkResult {
  enum Last { case name, dot, dotDot, root }

  /// The directory of the last component.
  var parent: DentryID
  /// The last component's dentry: `.none` or negative if there is no such file.
  var dentry: DentryID
  /// The last component. Valid until the next walk of the same call.
  var name: UnsafeBufferPointer<UInt8>
  var last: Last
  var hasTrailingSlash: Bool
  /// Set if the path ended at a link of /proc to an open file that has no name in the tree, or is empty and means one; `dentry` is the link.
  var openFile: OpenObject?
}

/// What still has to be walked.
struct Remainder {
  var next: UnsafePointer<UInt8>
  var end: UnsafePointer<UInt8>
}

extension FileTree {
  static var maximumLinks: Int { 40 }

  /// Linux has no such limit, but links of 4096 bytes each can make a walk of it that takes all others' time.
  static var maximumComponents: Int { 8192 }

  /// Walks a path in the virtual tree. A missing last component is no error, a missing directory is.
  /// - Parameter root: where absolute paths begin, and above which `..` does not lead.
  func walk(
    _ call: Call, from start: DentryID, root: DentryID, _ path: UnsafeBufferPointer<UInt8>, _ options: WalkOptions
  ) throws(Errno) -> WalkResult {
    guard path.count > 0 else {
      guard options.contains(.allowEmpty) else { throw .noSuchFileOrDirectory }
      return ended(at: start, .dot)
    }
    let top = options.contains(.inRoot) || options.contains(.beneath) ? start : root
    var current = start
    var depth = 0
    var links = 0
    var components = 0
    var trailingSlash = false
    var last = WalkResult.Last.dot
    let stack = walkStack
    stack[0] = Remainder(next: path.baseAddress!, end: path.baseAddress! + path.count)
    events.isAbsolute = path[0] == UInt8(ascii: "/")
    if events.isAbsolute {
      if options.contains(.beneath) { throw .init(rawValue: EXDEV) }
      current = top
      last = .root
    }

    while true {
      // The next component.
      while stack[depth].next < stack[depth].end, stack[depth].next.pointee == UInt8(ascii: "/") {
        stack[depth].next += 1
        trailingSlash = true
      }
      if stack[depth].next == stack[depth].end {
        if depth == 0 {
          var result = ended(at: current, last)
          result.hasTrailingSlash = trailingSlash
          if options.contains(.materialise) { try materialiseEnd(current) }
          return result
        }
        depth -= 1
        continue
      }
      components += 1
      guard components <= Self.maximumComponents else { throw .tooManySymbolicLinkLevels }
      let begin = stack[depth].next
      let rest = stack[depth].end - begin
      let length =
        memchr(begin, 0x2f, rest).map { $0.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: begin) }
        ?? rest
      stack[depth].next = begin + length
      let name = UnsafeBufferPointer(start: begin, count: length)
      let isLast = isExhausted(stack, depth, &trailingSlash)

      let currentInode = nodes.inode(of: current)
      if currentInode.pointee.kind != .directory { throw .notDirectory }
      try call.require(.execute, currentInode)
      if currentInode.pointee.links == 0 { try requireProcess(current) }

      if length == 1, begin[0] == UInt8(ascii: ".") {
        last = .dot
        continue
      }
      if length == 2, begin[0] == UInt8(ascii: "."), begin[1] == UInt8(ascii: ".") {
        if options.contains(.materialise) {
          // For the kernel, what is above a mount is what is above its place.
          if nodes[current].pointee.flags.contains(.unlinked), !nodes.directory(of: current).mounts.isEmpty {
            throw .noSuchFileOrDirectory
          }
          try mirror.materialise(current)
        }
        if current == top, options.contains(.beneath) { throw .init(rawValue: EXDEV) }
        if current != top { current = nodes[current].pointee.parent }
        last = .dotDot
        continue
      }
      if isLast, trailingSlash, options.contains(.create) { throw .isDirectory }
      guard length <= 255 else { throw .fileNameTooLong }
      last = .name

      let found =
        nodes.directory(of: current).isProc
        ? try call.kernel.lookupMade(current, name, call) : try lookup(current, name)
      if found == .none || nodes[found].pointee.inode == .none {
        guard isLast else {
          events.recordMissing(name, in: current)
          throw .noSuchFileOrDirectory
        }
        events.recordMissing(name, in: current)
        return WalkResult(
          parent: current, dentry: found, name: name, last: .name, hasTrailingSlash: trailingSlash, openFile: nil)
      }
      if nodes.inode(of: found).pointee.flags.contains(.unloaded) { try load(found) }
      let record = nodes.inode(of: found)
      if options.contains(.noCrossing), record.pointee.fileSystem != nodes.inode(of: start).pointee.fileSystem {
        throw .init(rawValue: EXDEV)
      }

      let followsLast = !options.contains(.noFollow) || (trailingSlash && !options.contains(.parent))
      if record.pointee.kind == .symbolicLink, !isLast || followsLast {
        links += 1
        if links > Self.maximumLinks || options.contains(.noLinks) { throw .tooManySymbolicLinkLevels }
        let target: UnsafeBufferPointer<UInt8>
        if record.pointee.backing == .proc {
          switch try call.kernel.proc.follow(record, call) {
          case .text(let text):
            target = text
            if options.contains(.materialise) { try mirror.materialisePassingLink(found, target: target) }
          case .dentry(let jump):
            if options.contains(.materialise) {
              let text = try nodes.guestPath(of: jump)
              try text.withUnsafeBufferPointer { bytes throws(Errno) in
                try mirror.materialisePassingLink(found, target: bytes)
              }
              try materialiseEnd(jump)
            }
            if options.contains(.noMagicLinks) { throw .tooManySymbolicLinkLevels }
            if options.contains(.beneath) || options.contains(.inRoot) { throw .init(rawValue: EXDEV) }
            if isLast {
              if trailingSlash, nodes.inode(of: jump).pointee.kind != .directory { throw .notDirectory }
              return WalkResult(
                parent: nodes[jump].pointee.parent, dentry: jump, name: nodes.name(of: jump), last: .name,
                hasTrailingSlash: trailingSlash, openFile: nil)
            }
            current = jump
            continue
          case .openFile(let open):
            if options.contains(.noMagicLinks) { throw .tooManySymbolicLinkLevels }
            if options.contains(.beneath) || options.contains(.inRoot) { throw .init(rawValue: EXDEV) }
            // A directory without a name is one all the same.
            let status = isLast && !trailingSlash ? nil : try call.status(of: open)
            if let status, let directory = objects.dentry(ofSkeletonDirectory: status), !isLast {
              if options.contains(.materialise) { throw .noSuchFileOrDirectory }
              current = directory
              continue
            }
            if let status, status.st_mode & S_IFMT != S_IFDIR { throw .notDirectory }
            if options.contains(.materialise) { try mirror.materialise(current) }
            return WalkResult(
              parent: current, dentry: found, name: name, last: .name, hasTrailingSlash: false, openFile: open)
          }
        } else {
          target = nodes.linkTarget(of: record)
          events.record(.readLink, found)
          if options.contains(.materialise) { try mirror.materialiseLink(found, target: target) }
        }
        guard target.count > 0 else { throw .noSuchFileOrDirectory }
        if target[0] == UInt8(ascii: "/") {
          events.isAbsolute = true
          if options.contains(.beneath) { throw .init(rawValue: EXDEV) }
          current = top
          last = .root
        }
        depth += 1
        stack[depth] = Remainder(next: target.baseAddress!, end: target.baseAddress! + target.count)
        continue
      }

      if isLast {
        if trailingSlash, record.pointee.kind != .directory, !options.contains(.parent) { throw .notDirectory }
        if options.contains(.materialise) { try materialiseEnd(found) }
        return WalkResult(
          parent: current, dentry: found, name: name, last: .name, hasTrailingSlash: trailingSlash, openFile: nil)
      }
      current = found
    }
  }

  private func materialiseEnd(_ dentry: DentryID) throws(Errno) {
    if nodes.inode(of: dentry).pointee.kind == .directory {
      try mirror.materialise(dentry)
    } else {
      try mirror.materialise(nodes[dentry].pointee.parent)
    }
  }

  /// Whether nothing but slashes is left, here and in the paths whose links are being followed.
  private func isExhausted(
    _ stack: UnsafeMutablePointer<Remainder>, _ depth: Int, _ trailingSlash: inout Bool
  ) -> Bool {
    trailingSlash = false
    var level = depth
    while level >= 0 {
      var next = stack[level].next
      while next < stack[level].end {
        if next.pointee != UInt8(ascii: "/") { return false }
        trailingSlash = true
        next += 1
      }
      level -= 1
    }
    return true
  }

  private func ended(at dentry: DentryID, _ last: WalkResult.Last) -> WalkResult {
    WalkResult(
      parent: nodes[dentry].pointee.parent, dentry: dentry, name: nodes.name(of: dentry), last: last,
      hasTrailingSlash: false, openFile: nil)
  }
}
