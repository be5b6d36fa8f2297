/// The numbers of paths.
extension TraceEncoder {
  /// The number of a node's path, which gets one if all were forgotten since it was defined; 0 if it has none.
  func path(of node: UInt32) -> UInt32 {
    guard node < nodePaths.count else { return 0 }
    let known = nodePaths[Int(node)]
    if known != 0 || node == 0 { return known }
    let text = nodes.path(of: node)
    guard text.count < Self.maximumPathLength else { return 0 }
    lastPath += 1
    nodePaths[Int(node)] = lastPath
    let packet = openPacket()
    let data = packets.open(12)
    intern(lastPath, Escaping.escape([UInt8(ascii: "/")] + text), node: node)
    packets.close(data)
    closeSequence()
    packets.close(packet)
    return lastPath
  }

  /// - Parameter directory: the number of the directory's path.
  /// - Returns: the number of the path that was looked for, or 0, and whether it is new.
  func missingPath(
    _ node: UInt32, _ directory: UInt32, _ name: UnsafeBufferPointer<UInt8>
  ) -> (path: UInt32, isNew: Bool) {
    guard directory != 0, name.count > 0 else { return (0, false) }
    if let known = missing.find(directory, name) { return (known, false) }
    guard let text = path(in: node, name) else { return (0, false) }
    lastPath += 1
    missing.insert(directory, name, lastPath)
    let data = packets.open(12)
    intern(lastPath, text, node: 0)
    packets.close(data)
    return (lastPath, true)
  }

  /// - Returns: nil if it is too long, or what stands behind its last slash is not the name.
  private func path(in directory: UInt32, _ name: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    let slash = UInt8(ascii: "/")
    guard !name.contains(slash) else { return nil }
    var path = [slash] + nodes.path(of: directory)
    if directory != Event.rootNode { path.append(slash) }
    path += name
    return path.count > Self.maximumPathLength ? nil : Escaping.escape(path)
  }

  /// Defines the path, after that of the directory again.
  func encodeNode(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    let parent = event.version
    guard nodes.define(event, name) else { return false }
    if Int(event.node) == nodePaths.count { nodePaths.append(0) } else { nodePaths[Int(event.node)] = 0 }
    guard event.pid == 0, event.thread == 0, event.duration == 0, event.flags == 0, let text = path(in: parent, name)
    else { return false }
    let directory = path(of: parent)
    guard directory != 0 else { return false }
    lastPath += 1
    nodePaths[Int(event.node)] = lastPath
    let packet = openPacket()
    let data = packets.open(12)
    intern(directory, Escaping.escape([UInt8(ascii: "/")] + nodes.path(of: parent)), node: 0)
    intern(lastPath, text, node: event.node)
    packets.close(data)
    closePacket(packet, event.time)
    return true
  }

  private func intern(_ path: UInt32, _ text: [UInt8], node: UInt32) {
    let entry = packets.open(29)
    packets.integer(1, UInt64(path))
    packets.bytes(2, text)
    if node != 0 { packets.integer(Self.nodeField, UInt64(node)) }
    packets.close(entry)
  }

  /// From here on all paths and programs get new numbers.
  func forgetNames() {
    for index in nodePaths.indices { nodePaths[index] = 0 }
    nodePaths[Int(Event.rootNode)] = Self.rootPath
    lastPath = Self.rootPath
    missing = MissingNames()
    programs = [:]
    defineNames()
  }
}
