internal import Transport

/// What can be seen only when all sections are read.
struct ConfigurationCheck {
    let document: YAMLNode

    func complete(_ configuration: inout Configuration, _ reading: inout Reading) {
        guard case .mapping = document.content else { return }
        if document.entry("listeners") == nil {
            reading.report(
                document.mark, "no 'listeners'; add at least one: NAME: { bind: \":80\" }")
        }
        if document.entry("pools") == nil {
            reading.report(
                document.mark, "no 'pools'; add at least one: NAME: { discover: \"app:8080\" }")
        }
        checkBinds(configuration, &reading)
        checkBackups(configuration, &reading)
        checkCookies(configuration, &reading)
        completeRoutes(&configuration, &reading)
    }

    /// Two listeners, or a listener and the admin, on one address.
    private func checkBinds(_ configuration: Configuration, _ reading: inout Reading) {
        var owners: [SocketAddress: String] = [:]
        for listener in configuration.listeners where listener.bind.port != 0 {
            if let owner = owners[listener.bind] {
                reading.report(
                    bindMark(listener.name),
                    "bind: \(listener.bind) belongs to listener '\(owner)' already")
            } else {
                owners[listener.bind] = listener.name
            }
        }
        guard let admin = configuration.admin.bind, let owner = owners[admin] else { return }
        let mark = document.entry("admin")?.value.entry("bind")?.value.mark ?? bindMark(owner)
        reading.report(mark, "bind: \(admin) is wanted by both 'admin' and listener '\(owner)'")
    }

    /// Two splits or pools that set the same cookie would take each other's clients away.
    private func checkCookies(_ configuration: Configuration, _ reading: inout Reading) {
        var owners: [String: String] = [:]
        func claim(_ cookie: String, _ owner: String, _ section: YAMLNode.Entry?) {
            guard let section else { return }
            guard let other = owners[cookie] else { return owners[cookie] = owner }
            let sticky = section.value.entry("sticky")
            reading.report(
                sticky?.value.entry("cookie")?.value.mark ?? sticky?.keyMark ?? section.keyMark,
                "sticky: the cookie '\(cookie)' belongs to \(other) already")
        }
        for split in configuration.splits {
            guard case .cookie(let cookie) = split.sticky else { continue }
            let section = document.entry("splits")?.value.entry(split.name)
            claim(cookie.name(ofSplit: split.name), "split '\(split.name)'", section)
        }
        for pool in configuration.pools {
            guard let cookie = pool.sticky else { continue }
            let section = document.entry("pools")?.value.entry(pool.name)
            claim(cookie.name(ofPool: pool.name), "pool '\(pool.name)'", section)
        }
    }

    private func bindMark(_ listener: String) -> Mark {
        let entry = document.entry("listeners")?.value.entry(listener)
        return entry?.value.entry("bind")?.value.mark ?? entry?.keyMark ?? document.mark
    }

    /// Without routes, HTTP goes to the only pool.
    private func completeRoutes(_ configuration: inout Configuration, _ reading: inout Reading) {
        let speaksHTTP = configuration.listeners.first { $0.mode == .http }
        if let routes = document.entry("routes") {
            // A listener that could not be read may well have been meant for them.
            let allRead = configuration.listeners.count == reading.names.listeners.all.count
            if speaksHTTP == nil, allRead, !configuration.listeners.isEmpty {
                reading.report(routes.keyMark, "'routes' without a listener that speaks HTTP")
            }
            checkListenersOfRoutes(configuration, routes, &reading)
            return
        }
        guard let speaksHTTP else { return }
        if reading.names.pools.all.count == 1 {
            configuration.routes = [RouteConfiguration(target: .pool(reading.names.pools.all[0]))]
        } else if reading.names.pools.all.count > 1 {
            let entry = document.entry("listeners")?.value.entry(speaksHTTP.name)
            reading.report(
                entry?.keyMark ?? document.mark,
                "HTTP from listener '\(speaksHTTP.name)' leads nowhere: there are"
                    + " \(reading.names.pools.all.count) pools; add 'routes: [{ pool: NAME }]'")
        }
    }

    /// A route that names a listener which does not speak HTTP would never match.
    private func checkListenersOfRoutes(
        _ configuration: Configuration, _ routes: YAMLNode.Entry, _ reading: inout Reading
    ) {
        let others = configuration.listeners.filter { $0.mode != .http }.map(\.name)
        guard case .sequence(let elements) = routes.value.content else { return }
        for element in elements {
            guard let value = element.entry("listeners") ?? element.entry("listener") else {
                continue
            }
            var nodes = [value.value]
            if case .sequence(let list) = value.value.content { nodes = list }
            for node in nodes {
                guard let name = node.text, others.contains(name) else { continue }
                reading.report(node.mark, "\(value.key): '\(name)' speaks tcp; routes are for http")
            }
        }
    }
}
