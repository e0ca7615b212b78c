//! The beginning of a world: every VM is plugged in before it starts.

use std::collections::VecDeque;

use vde_proto::{ClientAddress, Description, PortRequest, Reply, Request, SocketPath};

use super::driver::{Nic, ROOM, Vdeq, mac_of};
use super::laws::{Known, Laws, Ledger};
use super::plan::NicPlan;
use super::relays::Relays;
use super::subject::Subject;
use super::world::{Client, World};
use crate::supervisor::NicConfig;

impl World {
    /// Starts all VMs, with all their plugs up.
    pub(super) fn start_vms(&mut self) {
        let plans = self.plan.vdeqs.clone();
        let all: usize = plans.iter().map(|plan| plan.nics.len()).sum();
        self.ledger = Ledger::new((0..all).map(mac_of).collect());
        let mut number = 0;
        for (vdeq, plan) in plans.iter().enumerate() {
            let (mut nics, mut configs, mut known) = (Vec::new(), Vec::new(), Vec::new());
            for (index, nic) in plan.nics.iter().enumerate() {
                let (nic, config) = self.plug_in(vdeq, index, number, plan.uid, nic);
                number += 1;
                known.push(Known {
                    name: config.address.clone(),
                    asked: config.asked,
                    port: config.port,
                    mac: config.mac,
                });
                nics.push(nic);
                configs.push(config);
            }
            let now = self.time();
            let mut policy = plan.policy;
            policy.seed += u64::from(self.plan.jitter) + (vdeq as u64);
            self.vdeqs.push(Vdeq {
                uid: plan.uid,
                subject: Subject::new(now, policy, configs, self.canary),
                laws: Laws::new(now, policy, &known),
                nics,
                results: VecDeque::new(),
                end: None,
                is_over: false,
                is_out_of_reach: false,
                tick: None,
                ticks: 0,
                slow_until: 0,
                asleep_until: 0,
                tickets: 0,
                moves: Vec::new(),
                splices: Vec::new(),
                hasty: Vec::new(),
            });
            self.note(|| format!("vdeq {vdeq} starts: {plan:?}"));
        }
    }

    /// The first plug of a NIC, made before the VM started.
    fn plug_in(
        &mut self,
        vdeq: usize,
        index: usize,
        number: usize,
        uid: u32,
        plan: &NicPlan,
    ) -> (Nic, NicConfig) {
        let data = self.kernel.socket(ROOM);
        let name = SocketPath::new(format!("/v{vdeq}.{index}")).expect("a short path");
        self.kernel.bind(data, &name, uid);
        let stream = self.dial(plan.home, Client::Nic(vdeq, index)).expect("the switch runs");
        let description = Description::sanitised("sim");
        let address = ClientAddress::Path(name.clone());
        let request = Request::new(plan.asked, address, description.clone());
        self.streams[stream].to_switch.push(request.emit());
        self.switch_looks(plan.home);
        let reply = std::mem::take(&mut self.streams[stream].to_client);
        let Ok(Reply { path }) = Reply::parse(&reply) else {
            // Somebody else has that port.
            assert_ne!(plan.asked, PortRequest::Any, "there are more ports than NICs");
            self.streams[stream].client_open = false;
            self.switch_looks(plan.home);
            let plan = NicPlan { asked: PortRequest::Any, ..*plan };
            return self.plug_in(vdeq, index, number, uid, &plan);
        };
        self.kernel.connect(data, &path).expect("the switch's socket is there");
        self.streams[stream].vm_open = true;
        let nic = Nic {
            number,
            data,
            original: data,
            name: name.clone(),
            home: plan.home,
            asked: plan.asked,
            elsewhere: plan.home,
            new_target: plan.home,
            held: Some(stream),
            new: None,
            link: true,
            no_buffers: 0,
            relays: Relays::default(),
            is_read_soon: false,
        };
        let config = NicConfig {
            address: plan.has_address.then_some(name),
            asked: plan.asked,
            port: path.switch_port(),
            description,
            mac: plan.mac_known.then(|| mac_of(number)),
            reconnect: None,
        };
        (nic, config)
    }
}
