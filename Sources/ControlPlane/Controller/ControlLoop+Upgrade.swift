internal import Transport

/// Taking the place of another process, and giving one's own to the next.
extension ControlLoop {
    /// How often it looks whether the workers have begun to accept.
    private static let lookMilliseconds = 1

    /// Replaces this process by the program as it is on the disk now. Whatever goes wrong changes
    /// nothing, and is in the log.
    public func beginUpgrade() { upgrade.begin { _ in } }

    /// Says to whom it matters that this process serves.
    func tellOthers() throws(ControlError) {
        for socket in inheritance.sockets.closeRest() {
            log.write(.warning, "socket \(socket) belongs to no listener any more; it is closed")
        }
        beginWatchdog()
        guard let predecessor = inheritance.predecessor else {
            return notices.ready(serviceStatus)
        }
        awaitWorkers(predecessor)
    }

    /// The words of `systemctl status`.
    var serviceStatus: String {
        let listeners = controller.sockets.open.count
        return "serving on \(listeners) listeners, \(controller.pools.count) pools"
    }

    func prepareUpgrades() {
        upgrade.obstacle = { [unowned self] in obstacleToUpgrade }
        upgrade.sockets = { [unowned self] in
            controller.sockets.handover + (admin?.handover ?? [])
        }
        upgrade.state = { [unowned self] in controller.handoverState() }
        upgrade.onChange = { [unowned self] in
            if upgrade.isActive {
                notices.reloading("starting a new process")
            } else {
                notices.ready(serviceStatus)
            }
        }
        upgrade.onSuccess = { [unowned self] in handOver(to: $0) }
    }

    private func handOver(to process: Int32) {
        isHandedOver = true
        notices.mainProcess(process)
        upgrade.tellHandedOver()
        admin?.handOver()
        let milliseconds = controller.configuration.upgradeTimeoutMilliseconds
        log.write(.info, "serving -> draining, \(milliseconds) ms for what is in flight")
        controller.handOver(deadline: Instant.now().adding(milliseconds: milliseconds))
        endWithin(milliseconds: milliseconds)
    }

    private func awaitWorkers(_ predecessor: Predecessor) {
        guard controller.workers.adoptedGeneration > 0 else {
            loop.schedule(afterMilliseconds: ControlLoop.lookMilliseconds) { [weak self] in
                self?.awaitWorkers(predecessor)
            }
            return
        }
        do throws(SystemError) {
            try predecessor.finish(
                on: loop,
                handedOver: { [weak self] in
                    guard let self else { return }
                    notices.ready(serviceStatus)
                },
                counts: { [weak self] in self?.controller.add($0) })
        } catch {
            log.write(.error, "upgrade: \(error)")
        }
    }

    private func beginWatchdog() {
        guard let milliseconds = notices.watchdogMilliseconds, !isHandedOver else { return }
        notices.isAlive()
        loop.schedule(afterMilliseconds: milliseconds) { [weak self] in self?.beginWatchdog() }
    }
}
