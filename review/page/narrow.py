"""Label Studio's own bars at 200 % zoom: it leaves half of them outside the window."""

from __future__ import annotations

NARROW = """
@media (max-width: 1000px) {
.lsf-menu-header__trigger { width: 56px !important; min-width: 0 !important; flex: 0 0 auto !important }
.lsf-menu-header__logo { display: none }
.lsf-menu-header__context { flex: 1 1 0 !important; min-width: 0 !important }
.lsf-menu-header__context-item_left { flex: 1 1 0 !important; min-width: 0; overflow: hidden }
.lsf-breadcrumbs__item:first-child, .lsf-breadcrumbs__item_last { display: none !important }
.lsf-breadcrumbs__item::before, .lsf-breadcrumbs__item::after { display: none !important }
.lsf-breadcrumbs__label { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
[class^=themeToggle__label] { display: none }
.lsf-current-task__task-id { flex: 0 0 auto; white-space: nowrap; font-size: 12px; line-height: 16px }
.lsf-bottombar__group:last-child, .lsf-controls { flex: 0 1 auto !important; min-width: 0 }
.lsf-controls button { min-width: 0 !important }
}
"""
"""What a reviewer needs stays: the way back to the project, instructions, settings, keys, theme, account."""
